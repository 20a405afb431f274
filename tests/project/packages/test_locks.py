"""Lock files of every format."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project import Packages
from buildstatic.project.packages import locks
from tests.project.tree import write


def table(name: str, version: str, *lines: str) -> str:
    """Return a package in TOML; *lines* may contain sub-tables."""
    return "\n".join(["[[package]]", f'name = "{name}"', f'version = "{version}"', *lines, "", ""])


def versions(packages: Packages) -> dict[str, str]:
    return {name: item.specifier for name, item in packages.items()}


UV_OWN = table(
    "mysite",
    "0",
    'source = { virtual = "." }',
    "dependencies = [",
    '    { name = "django", version = "5.2", marker = "python_full_version < \'3.12\'" },',
    '    { name = "django", version = "6.1", marker = "python_full_version >= \'3.12\'" },',
    '    { name = "psycopg", extra = ["binary"] },',
    '    { name = "pywin32", marker = "sys_platform == \'win32\'" },',
    "]",
    "[package.optional-dependencies]",
    'web = [{ name = "uvicorn" }]',
    "[package.dev-dependencies]",
    'dev = [{ name = "pytest" }]',
)
UV = "".join(
    [
        'version = 1\nrequires-python = ">=3.11"\n\n',
        table("django", "5.2", "resolution-markers = [\"python_full_version < '3.12'\"]"),
        table("django", "6.1", "resolution-markers = [\"python_full_version >= '3.12'\"]"),
        UV_OWN,
        table(
            "psycopg",
            "3.2",
            'dependencies = [{ name = "typing-extensions" }]',
            "[package.optional-dependencies]",
            'binary = [{ name = "psycopg-binary" }]',
            'c = [{ name = "psycopg-c" }]',
        ),
        *(table(name, "1") for name in ("psycopg-binary", "psycopg-c", "pytest", "pywin32")),
        *(table(name, "2") for name in ("typing-extensions", "uvicorn")),
    ]
)


@pytest.mark.parametrize(("python", "django"), [("3.11", "==5.2"), ("3.13", "==6.1")])
def test_uv_packages_for_project_python(tmp_path: Path, python: str, django: str) -> None:
    write(tmp_path, {"uv.lock": UV})
    found = locks.uv(tmp_path / "uv.lock", tmp_path, python, tmp_path).packages
    assert versions(found) == {
        "django": django,
        "psycopg": "==3.2",
        "psycopg-binary": "==1",
        "typing-extensions": "==2",
        "uvicorn": "==2",
    }
    assert found["psycopg"].extras == {"binary"}
    line = UV.splitlines().index('name = "psycopg"') + 1
    assert found["psycopg"].source == f"uv.lock:{line}"


def test_uv_workspace_member_with_manage_py(tmp_path: Path) -> None:
    members = [
        table("shop", "0", 'source = { editable = "shop" }', 'dependencies = [{ name = "a" }]'),
        table("blog", "0", 'source = { editable = "blog" }', 'dependencies = [{ name = "b" }]'),
    ]
    text = "".join([*members, table("a", "1"), table("b", "1")])
    write(tmp_path, {"uv.lock": text, "shop/manage.py": ""})
    for manage in ("shop", "shop/backend"):
        found = locks.uv(tmp_path / "uv.lock", tmp_path, "3.13", tmp_path / manage)
        assert (list(found.packages), found.member) == (["a"], "shop")


def test_uv_member_installed_by_root(tmp_path: Path) -> None:
    root = ('source = { virtual = "." }', 'dependencies = [{ name = "shop" }, { name = "b" }]')
    shop = ('source = { editable = "shop" }', 'dependencies = [{ name = "a" }]')
    text = "".join(
        [table("m", "0", *root), table("shop", "0", *shop), table("a", "1"), table("b", "1")]
    )
    write(tmp_path, {"uv.lock": text})
    found = locks.uv(tmp_path / "uv.lock", tmp_path, "3.13", tmp_path / "shop")
    assert (sorted(found.packages), found.member) == (["a", "b", "shop"], "")


CIRCLE = [
    table("a", "1", 'dependencies = [{ name = "b" }]'),
    table("b", "1", 'dependencies = [{ name = "a", extra = ["x"] }]'),
]


def test_circular_dependencies(tmp_path: Path) -> None:
    own = table("m", "0", 'source = { virtual = "." }', 'dependencies = [{ name = "a" }]')
    write(tmp_path, {"uv.lock": "".join([own, *CIRCLE])})
    found = locks.uv(tmp_path / "uv.lock", tmp_path, "3.13", tmp_path).packages
    assert versions(found) == {"a": "==1", "b": "==1"}
    assert found["a"].extras == {"x"}


PYPROJECT = """\
[tool.poetry.dependencies]
python = "^3.11"
Django = "^5.2"
psycopg = {version = "*", extras = ["binary"]}
whitenoise = {version = "*", optional = true}
"""
WINDOWS = 'markers = "sys_platform == \\"win32\\""'
POETRY = {
    "2.x": [
        table("django", "5.2", "optional = false", 'groups = ["main"]'),
        table("psycopg", "3.2", "optional = false", 'groups = ["main", "dev"]'),
        table("psycopg-binary", "3.2", "optional = false", 'groups = ["main"]'),
        table("pywin32", "1", "optional = false", 'groups = ["main"]', WINDOWS),
        table(
            "tomli",
            "1",
            "optional = false",
            'groups = ["main", "dev"]',
            'markers = {main = "python_version < \\"3.11\\"", dev = "python_version > \\"3\\""}',
        ),
        table("whitenoise", "6", "optional = true", 'groups = ["main"]'),
        table("pytest", "8", "optional = false", 'groups = ["dev"]'),
    ],
    "1.4-and-older": [
        table("Django", "5.2", 'category = "main"', "optional = false"),
        table("psycopg", "3.2", 'category = "main"', "optional = false"),
        table("psycopg-binary", "3.2", 'category = "main"', "optional = false"),
        table("whitenoise", "6", 'category = "main"', "optional = true"),
        table("pytest", "8", 'category = "dev"', "optional = false"),
    ],
    "1.5-to-1.8": [
        table(
            "Django",
            "5.2",
            "optional = false",
            "[package.dependencies]",
            'tzdata = {version = "*", markers = "sys_platform == \\"win32\\""}',
            'psycopg = {version = "*", optional = true, markers = "extra == \\"pg\\""}',
        ),
        table(
            "psycopg",
            "3.2",
            "optional = false",
            "[package.dependencies]",
            'psycopg-binary = {version = "3.2", optional = true}',
            "[package.extras]",
            'binary = ["psycopg-binary (==3.2)"]',
            'c = ["psycopg-c (==3.2)"]',
        ),
        *(table(name, "3.2", "optional = true") for name in ("psycopg-binary", "psycopg-c")),
        *(table(name, "1", "optional = false") for name in ("tzdata", "whitenoise", "pytest")),
    ],
}


@pytest.mark.parametrize("form", POETRY)
def test_poetry_main_group_of_every_format(tmp_path: Path, form: str) -> None:
    write(tmp_path, {"pyproject.toml": PYPROJECT, "poetry.lock": "".join(POETRY[form])})
    found = locks.poetry(tmp_path / "poetry.lock", tmp_path, "3.13").packages
    assert versions(found) == {
        "django": "==5.2",
        "psycopg": "==3.2",
        "psycopg-binary": "==3.2",
    }
    assert found["psycopg"].extras == {"binary"}
    assert found["django"].source == "poetry.lock:2"


STANDARD = """\
[project]
dependencies = ["django>=5", "uvicorn[standard]"]
[project.optional-dependencies]
web = ["whitenoise"]
[dependency-groups]
dev = ["pytest"]
"""
PDM = {
    "with-groups": [
        table("django", "5.2", 'groups = ["default"]'),
        table("uvicorn", "1", 'groups = ["default"]'),
        table(
            "uvicorn",
            "1",
            'extras = ["standard"]',
            'groups = ["default"]',
            'dependencies = ["uvloop>=0.1", "uvicorn==1"]',
        ),
        table("uvloop", "1", 'groups = ["default"]', 'marker = "sys_platform != \\"win32\\""'),
        table("colorama", "1", 'groups = ["default"]', 'marker = "sys_platform == \\"win32\\""'),
        table("whitenoise", "6", 'groups = ["web"]'),
        table("pytest", "8", 'groups = ["dev"]'),
    ],
    "without": [
        table("django", "5.2"),
        table("uvicorn", "1", 'dependencies = ["colorama>=0.4; sys_platform == \\"win32\\""]'),
        table(
            "uvicorn",
            "1",
            'extras = ["standard"]',
            'dependencies = ["uvloop>=0.1", "uvicorn==1"]',
        ),
        *(table(name, "1") for name in ("uvloop", "colorama", "whitenoise", "pytest")),
    ],
}


@pytest.mark.parametrize("form", PDM)
def test_pdm_default_group_of_every_format(tmp_path: Path, form: str) -> None:
    write(tmp_path, {"pyproject.toml": STANDARD, "pdm.lock": "".join(PDM[form])})
    found = locks.pdm(tmp_path / "pdm.lock", tmp_path, "3.13").packages
    assert versions(found) == {"django": "==5.2", "uvicorn": "==1", "uvloop": "==1"}
    assert found["uvicorn"].extras == {"standard"}


PIPENV = """\
{
    "_meta": {"pipfile-spec": 6},
    "default": {
        "django": {
            "markers": "python_version >= '3.10'",
            "version": "==5.2"
        },
        "psycopg": {
            "extras": ["binary"],
            "version": "==3.2"
        },
        "site": {
            "editable": true,
            "path": "."
        },
        "tomli": {
            "markers": "python_version < '3.11'",
            "version": "==2"
        },
        "gunicorn": {
            "version": "*"
        }
    },
    "develop": {
        "pytest": {
            "version": "==8"
        }
    }
}
"""


def test_pipenv_default_section(tmp_path: Path) -> None:
    write(tmp_path, {"Pipfile.lock": PIPENV})
    found = locks.pipenv(tmp_path / "Pipfile.lock", tmp_path, "3.13").packages
    assert versions(found) == {"django": "==5.2", "psycopg": "==3.2", "site": "", "gunicorn": ""}
    assert found["psycopg"].extras == {"binary"}
    assert found["gunicorn"].source == "Pipfile.lock:20"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("package = 1", id="no-tables"),
        pytest.param("package = [1]", id="invalid-tables"),
        pytest.param("[[package]]\n", id="no-name"),
        pytest.param(
            '[[package]]\nname = "a"\ndependencies = 1\ngroups = 1\n', id="invalid-values"
        ),
        pytest.param('[[package]]\nname = "a"\nsource = 1\nmarkers = "no"\n', id="invalid-marker"),
    ],
)
def test_unexpected_lock_file_content_is_harmless(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"x.lock": text, "pyproject.toml": PYPROJECT})
    path = tmp_path / "x.lock"
    for read in (locks.poetry, locks.pdm):
        assert "django" not in read(path, tmp_path, "3.13").packages
    assert "django" not in locks.uv(path, tmp_path, "3.13", tmp_path).packages
