"""The Python version that a project requires."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.project import Fact, Package
from buildstatic.project.packages.python_version import (
    find_python_version,
    newest_python,
    supported,
)
from tests.project.tree import write


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.12", "3.12"),
        ("3.12.4\n", "3.12"),
        ("# comment\n\n3.11\n3.10\n", "3.11"),
        ("python-3.12.4", "3.12"),
        ("Python-3.14\r\n", "3.14"),
        ("cpython@3.13", "3.13"),
        ("\ufeff3.12\n", "3.12"),
        ("3", None),
        ("mysite-env", None),
        ("3.9-mysite", None),
        ("pypy3.10-7.3", None),
        ("", None),
        (f"3.{'9' * 5000}", None),
    ],
    ids=lambda value: str(value)[:20],
)
@pytest.mark.parametrize("file", [".python-version", "runtime.txt"])
def test_version_files(tmp_path: Path, file: str, text: str, expected: str | None) -> None:
    found = find_python_version(write(tmp_path, {file: text}), tmp_path)
    assert (found.value if found else None) == expected


@pytest.mark.parametrize(
    ("specifier", "expected"),
    [
        (">=3.11", "3.14"),
        (">=3.8", "3.14"),
        (">=3.12,<3.14", "3.13"),
        (">=3.14", "3.14"),
        ("<3.13", "3.12"),
        ("<=3.12", "3.12"),
        ("==3.12.*", "3.12"),
        ("==3.12.4", "3.12.4"),
        ("~=3.11.2", "3.11"),
        (">=3.11,!=3.14.*", "3.13"),
        (">=3.15", "3.15"),
    ],
)
def test_requires_python_prefers_default_then_newest(
    tmp_path: Path, specifier: str, expected: str
) -> None:
    text = f'[project]\nname = "x"\nrequires-python = "{specifier}"\n'
    assert find_python_version(write(tmp_path, {"pyproject.toml": text}), tmp_path) == Fact(
        expected, "pyproject.toml:3"
    )


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("^3.11", "3.14"),
        ("^3.14", "3.14"),
        ("~3.12", "3.12"),
        ("~3.11.4", "3.11"),
        (">=3.11,<3.13", "3.12"),
        (">=3.11 <3.12", "3.11"),
        ("3.12.*", "3.12"),
        ("3.12", "3.12"),
        ("~3.11 || ~3.12", "3.12"),
        ("*", "3.14"),
    ],
)
def test_poetry_python_constraints(tmp_path: Path, constraint: str, expected: str) -> None:
    text = f'[tool.poetry.dependencies]\npython = "{constraint}"\n'
    assert find_python_version(write(tmp_path, {"pyproject.toml": text}), tmp_path) == Fact(
        expected, "pyproject.toml:2"
    )


@pytest.mark.parametrize(
    ("required", "expected"),
    [
        ("==3.12.3", "3.12.3"),
        ("===3.12.3", "3.12.3"),
        (">=3.12.3,<3.12.4", "3.12.3"),
        ("==3.12", "3.12"),
        ("==3.12.*", "3.12"),
        (">=3.12.3,<3.12.6", "3.12"),
    ],
)
def test_exact_patch_version_is_kept(tmp_path: Path, required: str, expected: str) -> None:
    write(tmp_path, {"pyproject.toml": f'[project]\nrequires-python = "{required}"\n'})
    assert find_python_version(tmp_path, tmp_path) == Fact(expected, "pyproject.toml:2")


@pytest.mark.parametrize(
    ("pinned", "expected"),
    [
        ("3.12", Fact("3.12.3", "pyproject.toml:2")),
        ("3.12.3", Fact("3.12.3", "pyproject.toml:2")),
        ("3.13", Fact("3.13", ".python-version:1")),
    ],
)
def test_version_file_with_exact_patch_in_pyproject(
    tmp_path: Path, pinned: str, expected: Fact[str]
) -> None:
    text = '[project]\nrequires-python = "==3.12.3"\n'
    write(tmp_path, {"pyproject.toml": text, ".python-version": pinned})
    assert find_python_version(tmp_path, tmp_path) == expected


@pytest.mark.parametrize("key", ["python_version", "python_full_version"])
def test_pipfile(tmp_path: Path, key: str) -> None:
    text = f'[packages]\n\n[requires]\n{key} = "3.12.1"\n'
    assert find_python_version(write(tmp_path, {"Pipfile": text}), tmp_path) == Fact(
        "3.12", "Pipfile:4"
    )


def test_precedence_of_files(tmp_path: Path) -> None:
    files = {
        ".python-version": "3.11",
        "runtime.txt": "python-3.12.0",
        "pyproject.toml": '[project]\nrequires-python = "==3.13.*"',
        "Pipfile": '[requires]\npython_version = "3.14"',
    }
    write(tmp_path, files)
    for name, version in zip(files, ("3.11", "3.12", "3.13", "3.14"), strict=True):
        found = find_python_version(tmp_path, tmp_path)
        assert found is not None
        assert found.value == version
        (tmp_path / name).unlink()
    assert find_python_version(tmp_path, tmp_path) is None


def test_root_takes_precedence_over_manage_py_directory(tmp_path: Path) -> None:
    write(tmp_path, {"src/.python-version": "3.11"})
    assert find_python_version(tmp_path, tmp_path / "src") == Fact("3.11", "src/.python-version:1")
    write(tmp_path, {"runtime.txt": "python-3.12"})
    assert find_python_version(tmp_path, tmp_path / "src") == Fact("3.12", "runtime.txt:1")


@pytest.mark.parametrize(
    ("file", "text", "required"),
    [
        (".python-version", "3.9.18", Fact("3.9", ".python-version:1")),
        (".python-version", "2.7", Fact("2.7", ".python-version:1")),
        ("runtime.txt", "python-3.10.1", Fact("3.10", "runtime.txt:1")),
        ("pyproject.toml", '[project]\nrequires-python = ">=3.8,<3.11"', None),
        ("Pipfile", '[requires]\npython_version = "3.8"', Fact("3.8", "Pipfile:2")),
        ("Dockerfile", "FROM python:3.9", Fact("3.9", "Dockerfile:1")),
    ],
)
def test_image_has_3_11_where_an_older_python_is_required(
    tmp_path: Path, file: str, text: str, required: Fact[str] | None
) -> None:
    found = find_python_version(write(tmp_path, {file: text}), tmp_path)
    assert found == (required or Fact("3.10", "pyproject.toml:2"))
    version, notes = supported(found)
    assert version == Fact("3.11", found.source)
    assert len(notes) == 1
    assert notes[0].startswith(f"{found.source} requires Python {found.value}; ")


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        ("FROM python:3.12.2-slim-bookworm\n", "3.12"),
        ("FROM --platform=linux/amd64 docker.io/library/python:3.14 AS base\n", "3.14"),
        ("ARG PYTHON_VERSION=3.11\nFROM python:${PYTHON_VERSION}-alpine\n", "3.11"),
        ("ARG TAG='3.12-slim'\nFROM python:$TAG\n", "3.12"),
        ("FROM ghcr.io/astral-sh/uv:python3.12-bookworm-slim AS build\n", "3.12"),
        ("FROM ghcr.io/astral-sh/uv:0.11.2-python3.14-trixie\n", "3.14"),
        ("FROM python:3.11 AS tools\nFROM python:3.12-slim\nFROM nginx:1.28\n", "3.12"),
        ("from python:3.12\n", "3.12"),
        ("FROM python:3\n", None),
        ("FROM python\n", None),
        ("FROM node:3.12\n", None),
        ("FROM cpython:3.12\n", None),
        ("FROM ghcr.io/astral-sh/uv:0.9\n", None),
        ("# Written by buildstatic 0.1.0.\nFROM python:3.12-slim\n", None),
    ],
)
def test_python_of_the_projects_own_dockerfile(
    tmp_path: Path, dockerfile: str, expected: str | None
) -> None:
    found = find_python_version(write(tmp_path, {"docker/Dockerfile": dockerfile}), tmp_path)
    assert (found.value if found else None) == expected


@pytest.mark.parametrize(
    ("required", "expected"),
    [
        (">=3.11", Fact("3.12", "Dockerfile:1")),
        (">=3.13", Fact("3.14", "pyproject.toml:2")),
        ("==3.12.3", Fact("3.12.3", "pyproject.toml:2")),
    ],
)
def test_dockerfile_chooses_among_the_versions_that_pyproject_allows(
    tmp_path: Path, required: str, expected: Fact[str]
) -> None:
    text = f'[project]\nrequires-python = "{required}"\n'
    write(tmp_path, {"Dockerfile": "FROM python:3.12\n", "pyproject.toml": text})
    assert find_python_version(tmp_path, tmp_path) == expected


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        (".tool-versions", "nodejs 22.1.0\npython 3.12.4 3.11.2\n", 2),
        ("mise.toml", '[tools]\nnode = "22"\npython = "3.12"\n', 3),
        ("mise.toml", '[tools]\npython = ["3.12.1", "3.11"]\n', 2),
        ("mise.toml", '[tools]\npython = {version = "3.12", virtualenv = ".venv"}\n', 2),
    ],
)
def test_version_managers(tmp_path: Path, file: str, text: str, line: int) -> None:
    found = find_python_version(write(tmp_path, {file: text}), tmp_path)
    assert found == Fact("3.12", f"{file}:{line}")


@pytest.mark.parametrize(
    ("name", "specifier", "expected"),
    [
        ("django", "==4.0.3", "3.11"),
        ("django", "==4.2.*", "3.12"),
        ("django", "~=5.0.1", "3.12"),
        ("django", ">=4.2", None),
        ("django", ">=4.2,<5", "3.12"),
        ("django", "<5.2", "3.13"),
        ("django", "==5.2.7", "3.13"),
        ("django", "==5.2.8", None),
        ("django", "~=5.2.1", None),
        ("django", "==6.0.1", None),
        ("django", "==2.2.28", "3.11"),
        ("psycopg2-binary", "==2.9.9", "3.12"),
        ("psycopg2-binary", "==2.9.10", "3.13"),
        ("psycopg2-binary", "==2.9.11", None),
        ("pillow", ">=9", None),
        ("requests", "==2.0", None),
    ],
)
def test_pins_for_an_older_python(name: str, specifier: str, expected: str | None) -> None:
    pinned = Package(name, specifier, frozenset(), "requirements.txt:1")
    found = newest_python({name: pinned})
    assert found == (Fact(expected, "requirements.txt:1") if expected else None)


def test_the_oldest_python_of_several_pins() -> None:
    packages = {
        name: Package(name, specifier, frozenset(), f"requirements.txt:{line}")
        for line, (name, specifier) in enumerate([("pillow", "==9.0"), ("django", "==4.1")], 1)
    }
    assert newest_python(packages) == Fact("3.11", "requirements.txt:2")


@pytest.mark.parametrize(
    ("required", "expected"), [(">=3.10", "3.12"), (">=3.13", "3.14"), ("<3.12", "3.11")]
)
def test_packages_limit_the_versions_of_a_range(
    tmp_path: Path, required: str, expected: str
) -> None:
    write(tmp_path, {"pyproject.toml": f'[project]\nrequires-python = "{required}"\n'})
    found = find_python_version(tmp_path, tmp_path, "3.12")
    assert found == Fact(expected, "pyproject.toml:2")


@pytest.mark.parametrize("required", ["three", f"==3.{'9' * 5000}"], ids=["words", "digits"])
def test_invalid_specifier_is_an_error(tmp_path: Path, required: str) -> None:
    write(tmp_path, {"pyproject.toml": f'[project]\nrequires-python = "{required}"'})
    with pytest.raises(
        ConfigInvalid, match=r"^pyproject.toml:2: .* is not a valid version specifier"
    ):
        find_python_version(tmp_path, tmp_path)
