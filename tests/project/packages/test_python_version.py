"""The Python version that a project requires."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid, InterpreterNotFound
from buildstatic.project import Fact
from buildstatic.project.packages.python_version import find_python_version
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
        (">=3.11", "3.13"),
        (">=3.8", "3.13"),
        (">=3.12,<3.14", "3.13"),
        (">=3.14", "3.14"),
        ("<3.13", "3.12"),
        ("<=3.12", "3.12"),
        ("==3.12.*", "3.12"),
        ("==3.12.4", "3.12.4"),
        ("~=3.11.2", "3.11"),
        (">=3.11,!=3.13.*", "3.14"),
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
        ("^3.11", "3.13"),
        ("^3.14", "3.14"),
        ("~3.12", "3.12"),
        ("~3.11.4", "3.11"),
        (">=3.11,<3.13", "3.12"),
        (">=3.11 <3.12", "3.11"),
        ("3.12.*", "3.12"),
        ("3.12", "3.12"),
        ("~3.11 || ~3.12", "3.12"),
        ("*", "3.13"),
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
        "pyproject.toml": '[project]\nrequires-python = ">=3.13"',
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
    ("file", "text", "place"),
    [
        (".python-version", "3.9.18", ".python-version:1 requires Python 3.9.18"),
        (".python-version", "2.7", ".python-version:1 requires Python 2.7"),
        ("runtime.txt", "python-3.10.1", "runtime.txt:1 requires Python python-3.10.1"),
        ("pyproject.toml", '[project]\nrequires-python = ">=3.8,<3.11"', "pyproject.toml:2"),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "~3.9"', "pyproject.toml:2"),
        ("Pipfile", '[requires]\npython_version = "3.8"', "Pipfile:2 requires Python 3.8"),
    ],
)
def test_python_below_3_11_is_an_error(tmp_path: Path, file: str, text: str, place: str) -> None:
    with pytest.raises(InterpreterNotFound) as caught:
        find_python_version(write(tmp_path, {file: text}), tmp_path)
    assert caught.value.problem.startswith(place)
    assert "3.13" in caught.value.advice


@pytest.mark.parametrize("required", ["three", f"==3.{'9' * 5000}"], ids=["words", "digits"])
def test_invalid_specifier_is_an_error(tmp_path: Path, required: str) -> None:
    write(tmp_path, {"pyproject.toml": f'[project]\nrequires-python = "{required}"'})
    with pytest.raises(
        ConfigInvalid, match=r"^pyproject.toml:2: .* is not a valid version specifier"
    ):
        find_python_version(tmp_path, tmp_path)
