"""The wheel that a build installs is the buildstatic that runs it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import buildstatic
from buildstatic.builders.wheel import make_wheel

PACKAGE = Path(buildstatic.__file__).parent


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_wheel(tmp_path)


def installed(wheel: Path, environment: Path) -> Path:
    """Return the Python of a fresh *environment* that has the *wheel* alone."""
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    options = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([python, "-m", "pip", "install", *options, wheel], check=True)
    return python


def test_pip_installs_it_and_it_works_with_its_dependencies_beside_it(
    wheel: Path, tmp_path: Path
) -> None:
    python = installed(wheel, tmp_path / "environment")
    # The dependencies are ours; the package is not, for ours is not in a site-packages.
    site = Path(pytest.__file__).parent.parent
    [theirs] = (tmp_path / "environment" / "lib").glob("python*/site-packages")
    (theirs / "dependencies.pth").write_text(f"{site}\n")

    def said(*command: str | Path) -> str:
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
        return done.stdout.strip()

    version = buildstatic.__version__
    assert said(python.with_name("buildstatic"), "--version").endswith(version)
    assert said(python, "-m", "buildstatic", "--version").endswith(version)
    where = said(python, "-c", "import buildstatic; print(buildstatic.__file__)")
    assert Path(where).is_relative_to(theirs)
    generated = tmp_path / "out"
    wheel_again = f"from buildstatic.builders.wheel import *; make_wheel(Path({str(generated)!r}))"
    generated.mkdir()
    said(python, "-c", wheel_again)
    assert (generated / wheel.name).read_bytes() == wheel.read_bytes()


def test_pip_knows_its_files_and_what_it_requires(wheel: Path, tmp_path: Path) -> None:
    python = installed(wheel, tmp_path / "environment")
    command = (str(python), "-m", "pip", "show", "--files", "buildstatic")
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    requires = next(line for line in lines if line.startswith("Requires:")).removeprefix(
        "Requires:"
    )
    ours = {
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
    ours |= {"backports.zstd", "zstandard"} if sys.version_info < (3, 14) else set()
    assert {name.strip().lower() for name in requires.split(",")} == ours
    assert f"Version: {buildstatic.__version__}" in lines
    assert "  buildstatic/py.typed" in lines


def test_the_same_installation_gives_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    again = make_wheel(tmp_path / "again")
    assert again.name == wheel.name == f"buildstatic-{buildstatic.__version__}-py3-none-any.whl"
    assert again.read_bytes() == wheel.read_bytes()


def test_it_holds_all_of_the_package_and_nothing_that_python_left(wheel: Path) -> None:
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
