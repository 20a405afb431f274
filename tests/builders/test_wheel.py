"""The wheel of the running buildstatic: installable, and the same bytes from any installation."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

import buildstatic
from buildstatic.builders.wheel import make_wheel, temporary_wheel

PACKAGE = Path(buildstatic.__file__).parent


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_wheel(tmp_path)


@pytest.mark.slow
def test_installed_wheel_runs_and_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    uv = [sys.executable, "-m", "uv", "venv", "--quiet", "--seed", "--python", sys.executable]
    subprocess.run([*uv, environment], check=True)
    python = environment / "bin" / "python"
    options = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([python, "-m", "pip", "install", *options, wheel], check=True)
    # Our dependencies, without our package, which is not in a site-packages directory.
    (site_packages,) = (environment / "lib").glob("python*/site-packages")
    (site_packages / "dependencies.pth").write_text(f"{Path(pytest.__file__).parent.parent}\n")

    def output(*command: str | Path) -> str:
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
        return done.stdout.strip()

    assert output(python.with_name("buildstatic"), "--version").endswith(buildstatic.__version__)
    file = output(python, "-c", "import buildstatic; print(buildstatic.__file__)")
    assert Path(file).is_relative_to(site_packages)
    again = tmp_path / "again"
    again.mkdir()
    script = f"from buildstatic.builders.wheel import *; make_wheel(Path({str(again)!r}))"
    output(python, "-c", script)
    assert (again / wheel.name).read_bytes() == wheel.read_bytes()

    lines = output(python, "-m", "pip", "show", "--files", "buildstatic").splitlines()
    (requires,) = (line for line in lines if line.startswith("Requires:"))
    requires = requires.removeprefix("Requires:")
    expected = {
        "brotli",
        "click",
        "deflate",
        "docker",
        "jinja2",
        "packaging",
        "pathspec",
        "pyyaml",
        "requests",
        "rich",
        "urllib3",
    }
    expected |= {"backports-zstd"} if sys.version_info < (3, 14) else set()
    assert {canonicalize_name(name.strip()) for name in requires.split(",")} == expected
    assert f"Version: {buildstatic.__version__}" in lines
    assert "  buildstatic/py.typed" in lines


def test_same_installation_gives_the_same_bytes(wheel: Path) -> None:
    with temporary_wheel() as again:
        assert list(again.parent.iterdir()) == [again]
        assert again.name == wheel.name == f"buildstatic-{buildstatic.__version__}-py3-none-any.whl"
        assert again.read_bytes() == wheel.read_bytes()


def test_wheel_contains_the_package_without_caches(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        modes = {member.external_attr >> 16 for member in archive.infolist()}
    on_disk = {f"buildstatic/{path.relative_to(PACKAGE)}" for path in PACKAGE.rglob("*.*")}
    assert names >= {
        name for name in on_disk if name.endswith((".py", ".typed", ".json", ".jinja"))
    }
    templates = {"Dockerfile", "Procfile", "dockerignore", "railway.json", "deploy.sh"}
    assert names >= {f"buildstatic/templates/{name}" for name in templates}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert modes == {0o644}
