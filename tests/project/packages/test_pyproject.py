"""Dependencies in pyproject.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.project.packages import pyproject
from buildstatic.project.packages.pyproject import Pyproject
from tests.project.tree import write

STANDARD = """\
[project]
name = "mysite"
dependencies = [
    "Django>=5.2",
    'psycopg[c]',  # the compiled one
    "pywin32; sys_platform == 'win32'",
    "tomli; python_version < '3.12'",
]
[project.optional-dependencies]
web = ["whitenoise"]
[dependency-groups]
dev = ["pytest"]
"""


def read(root: Path, text: str, python: str = "3.13") -> Pyproject:
    found = pyproject.read(write(root, {"pyproject.toml": text}) / "pyproject.toml", root, python)
    assert found is not None
    return found


def test_dependencies_have_lines(tmp_path: Path) -> None:
    found = read(tmp_path, STANDARD)
    assert {name: (item.specifier, item.source) for name, item in found.packages.items()} == {
        "django": (">=5.2", "pyproject.toml:4"),
        "psycopg": ("", "pyproject.toml:5"),
    }
    assert found.packages["psycopg"].extras == {"c"}
    assert "tomli" in read(tmp_path, STANDARD, "3.11").packages


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("[tool.ruff]\nline-length = 100", id="only-tools"),
        pytest.param('[project]\ndynamic = ["dependencies"]', id="dynamic"),
        pytest.param("project = 1", id="unexpected-value"),
    ],
)
def test_pyproject_without_dependencies(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == Pyproject([], {}, False)


def test_poetry_dependencies(tmp_path: Path) -> None:
    text = (
        '[tool.poetry.dependencies]\npython = "^3.11"\nDjango = "^5.2"\n'
        'psycopg = {version = "*", extras = ["binary", "pool"]}\n'
        'whitenoise = {version = "*", optional = true}\nlib = {path = "libs/lib"}\n'
    )
    found = read(tmp_path, text)
    assert [str(need) for need in found.direct] == ["Django", "psycopg[binary,pool]", "lib"]
    assert (found.packages, found.poetry) == ({}, True)


@pytest.mark.parametrize(
    ("dependencies", "problem"),
    [
        ('"Django"', "pyproject.toml:2: dependencies is not a list."),
        (
            '[\n  "Django",\n  "gunicorn=25",\n]',
            "pyproject.toml:4: gunicorn=25 is not a valid requirement.",
        ),
        ("[\n  '-r base.txt',\n]", "pyproject.toml:3: -r base.txt is not a valid requirement."),
    ],
)
def test_invalid_dependency_is_an_error_with_line(
    tmp_path: Path, dependencies: str, problem: str
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read(tmp_path, f"[project]\ndependencies = {dependencies}\n")
    assert caught.value.problem == problem
    assert caught.value.advice


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pyproject.toml": '[tool.uv]\nrequired-version = ">=0.8,<0.9"\n'}, "<0.9,>=0.8"),
        ({"pyproject.toml": '[tool.uv]\nrequired-version = "0.8.3"\n'}, "==0.8.3"),
        ({"uv.toml": 'required-version = "~=0.9"\n', "pyproject.toml": ""}, "~=0.9"),
        ({"pyproject.toml": '[tool.uv]\nrequired-version = "latest"\n'}, ""),
        ({"pyproject.toml": "[tool.uv]\n"}, ""),
    ],
    ids=["range", "version", "uv.toml", "invalid", "none"],
)
def test_required_version_of_uv(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    assert pyproject.required_uv(write(tmp_path, files), tmp_path) == expected
