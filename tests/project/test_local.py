"""Local packages in lock files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from buildstatic.project.model import Dependencies
from buildstatic.project.packages import dependencies
from tests.project.test_locks import table
from tests.project.tree import write


def found(root: Path, manage: str = ".") -> Dependencies:
    fact = dependencies.find(root, (root / manage).resolve(), "3.13").fact
    assert fact is not None
    return fact.value


MEMBER = '[project]\nname = "x"\nversion = "1"\n'
WORKSPACE = {
    "uv.lock": "".join(
        [
            table(
                "web", "0", 'source = { editable = "web" }', 'dependencies = [{ name = "shop" }]'
            ),
            table("shop", "0", 'source = { editable = "packages/shop" }'),
            table("blog", "0", 'source = { editable = "packages/blog" }'),
            table("tool", "0", 'source = { virtual = "packages/tool" }'),
            table("late", "0", 'source = { editable = "packages/late" }'),
            table("old", "0", 'source = { directory = "libs/old" }'),
            table("wheel", "1", 'source = { path = "wheels/wheel-1-py3-none-any.whl" }'),
            table("flat", "1", 'source = { registry = "wheels" }'),
            table("beside", "1", 'source = { directory = "../beside" }'),
            table("gone", "1", 'source = { directory = "gone" }'),
        ]
    ),
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["web", "packages/*"]\n',
    **{f"packages/{name}/pyproject.toml": MEMBER for name in ("shop", "blog", "tool")},
    "web/pyproject.toml": MEMBER,
    "packages/late/pyproject.toml": f'{MEMBER}dynamic = ["version", "dependencies"]\n',
    "libs/old/setup.py": "",
    "wheels/wheel-1-py3-none-any.whl": "",
}


def test_uv_workspace_files_and_directories(tmp_path: Path) -> None:
    value = found(write(tmp_path, WORKSPACE), "web")
    assert value.member == "web"
    assert value.files == (
        "uv.lock",
        "pyproject.toml",
        "web/pyproject.toml",
        "packages/blog/pyproject.toml",
        "packages/tool/pyproject.toml",
        "wheels/wheel-1-py3-none-any.whl",
    )
    assert value.local == ("packages/shop", "packages/late", "libs/old", "wheels")


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(
            {
                "poetry.lock": table("shop", "1", 'groups = ["main"]')
                + '[package.source]\ntype = "directory"\nurl = "libs/shop"\n'
            },
            id="poetry",
        ),
        pytest.param(
            {"pdm.lock": table("shop", "1", 'groups = ["default"]', 'path = "./libs/shop"')},
            id="pdm",
        ),
        pytest.param(
            {"Pipfile.lock": '{"default": {"shop": {"path": "./libs/shop", "editable": true}}}'},
            id="pipenv",
        ),
    ],
)
def test_packages_by_path_are_local(files: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path, {**files, "libs/shop/pyproject.toml": MEMBER})
    assert found(tmp_path).local == ("libs/shop",)


def described(name: str, *needs: str, sources: str = "", packaged: bool = True) -> str:
    """Return the pyproject.toml of *name*, which *needs* packages that are at *sources*."""
    backend = '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'
    return (
        f'[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11"\n'
        f"dependencies = {list(needs)}\n[tool.uv.sources]\n{sources}\n{backend if packaged else ''}"
    )


OF_THE_WORKSPACE = "shop = { workspace = true }"
SHOP = {
    "packages/shop/pyproject.toml": described("shop", "old", sources='old = {path = "../../old"}'),
    "packages/shop/src/shop/__init__.py": "import old\n",
    "packages/blog/pyproject.toml": described("blog"),
    "old/pyproject.toml": described("old"),
    "old/src/old/__init__.py": "",
}
MEMBERS = '[tool.uv.workspace]\nmembers = ["web", "packages/*"]\n'


def uv(*words: str, cwd: Path, environment: Path) -> None:
    """Run uv with no index; every package is the project's own."""
    command = [sys.executable, "-m", "uv", *words, "--offline", "--python", sys.executable]
    environ = {**os.environ, "VIRTUAL_ENV": "", "UV_PROJECT_ENVIRONMENT": str(environment)}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("files", "manage", "member"),
    [
        pytest.param(
            {
                "pyproject.toml": MEMBERS,
                "web/pyproject.toml": described("web", "shop", sources=OF_THE_WORKSPACE),
            },
            "web",
            "web",
            id="manage.py in a member",
        ),
        pytest.param(
            {
                "pyproject.toml": described(
                    "site", "shop", sources=OF_THE_WORKSPACE, packaged=False
                )
                + MEMBERS
            },
            ".",
            "",
            id="manage.py in the root",
        ),
        pytest.param(
            {
                "pyproject.toml": described(
                    "site",
                    "shop",
                    sources='shop = { path = "packages/shop", editable = true }',
                    packaged=False,
                )
            },
            ".",
            "",
            id="no workspace",
        ),
    ],
)
def test_uv_installs_with_only_the_named_files(
    files: dict[str, str], manage: str, member: str, tmp_path: Path
) -> None:
    root, app, environment = (tmp_path / name for name in ("project", "app", "venv"))
    write(root, {**SHOP, **files, f"{manage}/manage.py": ""})
    uv("lock", cwd=root, environment=environment)
    value = found(root, manage)
    assert value.member == member

    write(app, {name: (root / name).read_bytes() for name in value.files})
    for name in value.local:
        shutil.copytree(root / name, app / name)
    one = [f"--package={member}"] if member else []
    words = ("sync", "--locked", "--no-dev", *one, "--no-install-project")
    uv(*words, cwd=app, environment=environment)
    subprocess.run([environment / "bin/python", "-c", "import shop"], check=True)
