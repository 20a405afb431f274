"""How the project's packages are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project import dependencies
from buildstatic.project.dependencies import Installed
from buildstatic.project.model import Dependencies, Fact
from tests.project.tree import write

LOCK = '[[package]]\nname = "django"\nversion = "5.2"\ngroups = ["main", "default"]\n'
PROJECT = '[project]\nname = "x"\ndependencies = ["Django"]\n'
# In the order in which they are looked for.
FILES = {
    "uv.lock": ("uv", LOCK),
    "poetry.lock": ("poetry", LOCK),
    "pdm.lock": ("pdm", LOCK),
    "Pipfile.lock": ("pipenv", '{"default": {"django": {"version": "==5.2"}}}'),
    "pyproject.toml": ("pyproject", PROJECT),
    "requirements.txt": ("pip", "Django\n"),
    "requirements/production.txt": ("pip", "Django\n"),
    "requirements/prod.txt": ("pip", "Django\n"),
    "requirements/base.txt": ("pip", "Django\n"),
}


def find(root: Path, manage: str = ".") -> Installed:
    return dependencies.find(root, (root / manage).resolve(), "3.13")


def test_lock_files_come_first_then_pyproject_then_requirements(tmp_path: Path) -> None:
    write(tmp_path, {name: text for name, (_, text) in FILES.items()})
    for name, (manager, _) in FILES.items():
        found = find(tmp_path)
        assert found.fact is not None
        assert (found.fact.value.manager, found.fact.value.file) == (manager, name)
        assert found.fact.source == f"{name}:1"
        assert list(found.packages) == ["django"]
        (tmp_path / name).unlink()
    assert find(tmp_path) == Installed(None, {})


@pytest.mark.parametrize(
    ("files", "read"),
    [
        pytest.param(["uv.lock", "pyproject.toml", "uv.toml"], None, id="uv"),
        pytest.param(["poetry.lock", "pyproject.toml"], None, id="poetry"),
        pytest.param(["pdm.lock", "pyproject.toml"], None, id="pdm"),
        pytest.param(["Pipfile.lock", "Pipfile", "pyproject.toml"], 2, id="pipenv"),
        pytest.param(["requirements.txt", "uv.toml"], 1, id="pip"),
    ],
)
def test_every_file_that_the_installation_reads_is_named(
    tmp_path: Path, files: list[str], read: int | None
) -> None:
    write(tmp_path, {name: FILES.get(name, ("", ""))[1] for name in files} | {"pyproject.toml": ""})
    found = find(tmp_path)
    assert found.fact is not None
    assert found.fact.value.files == tuple(files[:read])


def test_included_files_and_local_packages_are_named(tmp_path: Path) -> None:
    lines = "-r base.txt\n-c ../pins.txt\n-e libs/shop\n"
    others = {"requirements/base.txt": "Django", "pins.txt": "", "libs/shop/pyproject.toml": ""}
    write(tmp_path, {"requirements/production.txt": lines, **others})
    files = ("requirements/production.txt", "requirements/base.txt", "pins.txt")
    value = Dependencies("pip", files[0], files, ("libs/shop",))
    assert find(tmp_path).fact == Fact(value, f"{files[0]}:1")


def test_the_root_comes_before_manage_py_s_directory(tmp_path: Path) -> None:
    write(tmp_path, {"src/uv.lock": LOCK, "src/pyproject.toml": PROJECT})
    below = find(tmp_path, "src").fact
    assert below == Fact(
        Dependencies("uv", "src/uv.lock", ("src/uv.lock", "src/pyproject.toml")), "src/uv.lock:1"
    )
    write(tmp_path, {"requirements.txt": "Django"})
    above = find(tmp_path, "src").fact
    assert above is not None
    assert above.value.file == "requirements.txt"


@pytest.mark.parametrize(
    "text", ["[tool.ruff]\nline-length = 100\n", '[project]\nname = "x"\ndependencies = []\n']
)
def test_a_pyproject_without_dependencies_gives_way(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"pyproject.toml": text, "requirements.txt": "Django"})
    found = find(tmp_path).fact
    assert found is not None
    assert found.value.manager == "pip"


@pytest.mark.parametrize(
    ("files", "note"),
    [
        (
            {"pyproject.toml": '[tool.poetry.dependencies]\ndjango = "*"\n'},
            "pyproject.toml is Poetry's, but has no poetry.lock: poetry lock",
        ),
        (
            {"Pipfile": '[packages]\ndjango = "*"\n'},
            "Pipfile has no Pipfile.lock beside it: pipenv lock",
        ),
    ],
)
def test_a_manager_without_its_lock_file_is_said(
    tmp_path: Path, files: dict[str, str], note: str
) -> None:
    assert find(write(tmp_path, files)) == Installed(None, {}, (note,))


def test_names_that_are_directories_or_broken_links_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").mkdir()
    (tmp_path / "poetry.lock").symlink_to("poetry.lock")
    write(tmp_path, {"requirements.txt": "Django"})
    found = find(tmp_path).fact
    assert found is not None
    assert found.value.manager == "pip"
