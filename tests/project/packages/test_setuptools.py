"""Dependencies in setup.py and setup.cfg, and extras of local packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project.packages import find_dependencies
from buildstatic.project.packages.known import DependencyOptions
from tests.project.packages.test_dependencies import find
from tests.project.tree import write


@pytest.mark.parametrize(
    "files",
    [
        {"setup.cfg": "[options]\ninstall_requires =\n    Django>=5\n    x ; os_name == 'nt'\n"},
        {"setup.py": "setup(name='x', install_requires=['Django>=5'])\nREQUIRES = [1]\n"},
        {"setup.py": "requires = ['Django>=5']\nsetup(install_requires=requires)\n"},
        {"setup.py": "setup(install_requires=['Django>=5'])", "requirements.txt": "-e .\n"},
    ],
    ids=["cfg", "py", "name", "editable"],
)
def test_setup_of_setuptools(tmp_path: Path, files: dict[str, str]) -> None:
    found = find(write(tmp_path, files))
    assert found.fact is not None
    assert found.fact.value.manager == "pip"
    assert found.fact.value.local == (".",)
    assert {name: item.specifier for name, item in found.packages.items()} == {"django": ">=5"}


EXTRAS = "extras_require={'prod': ['gunicorn>=20'], 'dev': ['uvicorn']}"
REFERRED = "install_requires=['Django'], extras_require=extras_require"


@pytest.mark.parametrize(
    "files",
    [
        {
            "setup.cfg": "[options]\ninstall_requires = Django\n[options.extras_require]\n"
            "prod =\n    gunicorn>=20\ndev = uvicorn\n"
        },
        {"setup.py": f"setup(install_requires=['Django'], {EXTRAS})"},
        {"setup.py": f"{EXTRAS}\nsetup({REFERRED})"},
    ],
    ids=["cfg", "py", "name"],
)
def test_extras_of_setuptools(tmp_path: Path, files: dict[str, str]) -> None:
    root = write(tmp_path, files)
    found = find(root)
    assert found.fact is not None
    assert found.fact.value.extras == ("prod",)
    assert {name: item.specifier for name, item in found.packages.items()} == {
        "django": "",
        "gunicorn": ">=20",
    }
    named = find_dependencies(root, root, "3.13", DependencyOptions(extras=("dev",)))
    assert set(named.packages) == {"django", "uvicorn"}


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(
            {
                "setup.cfg": "[metadata]\nname = My.Site\n[options]\ninstall_requires = Django\n"
                "[options.extras_require]\nall = my-site[web, pg]\nweb = gunicorn\npg = psycopg\n"
            },
            id="cfg",
        ),
        pytest.param(
            {
                "setup.py": "setup(name='my-site', install_requires=['Django'], extras_require={"
                "'all': ['my_site[web,pg]'], 'web': ['gunicorn'], 'pg': ['psycopg']})"
            },
            id="py",
        ),
        pytest.param(
            {
                "setup.py": "NAME = 'site'\nWEB = ['gunicorn']\nPG = ['psycopg']\nsetuptools.setup("
                "name=NAME, install_requires='Django',\n"
                "extras_require={'all': ['site[web]'] + PG, 'web': WEB})"
            },
            id="names",
        ),
    ],
)
def test_extras_that_require_extras_of_the_project(tmp_path: Path, files: dict[str, str]) -> None:
    root = write(tmp_path, files)
    found = find_dependencies(root, root, "3.13", DependencyOptions(extras=("all",)))
    assert set(found.packages) == {"django", "gunicorn", "psycopg"}
    write(root, {"requirements.txt": "-e .[all]\n"})
    assert set(find(root).packages) == {"django", "gunicorn", "psycopg"}


OPTIONAL = "[project]\nname = 'x'\n[project.optional-dependencies]\nProd_Web = ['gunicorn']\n"
POETRY = (
    "[tool.poetry.dependencies]\ndjango = '*'\ngunicorn = { version = '*', optional = true }\n"
    "[tool.poetry.extras]\nprod-web = ['gunicorn']\n"
)
SETUP = "setup(install_requires=['Django'], extras_require={'prod.web': ['gunicorn']})"


@pytest.mark.parametrize(
    ("line", "files"),
    [
        pytest.param("-e .[prod-web]", {"setup.py": SETUP}, id="setup"),
        pytest.param("-e '.[prod-web]'", {"setup.py": SETUP}, id="quoted"),
        pytest.param("-e .[prod-web]", {"pyproject.toml": OPTIONAL}, id="pyproject"),
        pytest.param("-e lib[dev,prod-web]", {"lib/pyproject.toml": POETRY}, id="poetry"),
        pytest.param(
            "./lib[prod-web] ; python_version > '3'", {"lib/setup.py": SETUP}, id="directory"
        ),
        pytest.param("-e .", {"setup.py": SETUP.replace("'Django'", "'Django', 'gunicorn'")}),
    ],
)
def test_extras_in_requirements_files_are_installed(
    tmp_path: Path, line: str, files: dict[str, str]
) -> None:
    write(tmp_path, {"requirements.txt": f"Django\n{line}\n", **files})
    found = find(tmp_path)
    assert found.fact is not None
    assert found.fact.value.file == "requirements.txt"
    assert set(found.packages) == {"django", "gunicorn"}
    plain = line.partition(";")[0].replace("prod-web", "")
    write(tmp_path, {"requirements.txt": f"Django\n{plain}\n"})
    assert ("gunicorn" in find(tmp_path).packages) == (plain == line)


def test_extras_in_requirements_files_are_those_of_pyproject(tmp_path: Path) -> None:
    text = "[project]\nname = 'x'\ndependencies = ['Django']\n[project.optional-dependencies]\n"
    extras = "Cloud_Files = ['django-storages']\nweb = ['gunicorn']\nother = ['redis']\n"
    write(tmp_path, {"requirements.txt": "-e .[cloud-files]\n", "pyproject.toml": text + extras})
    found = find(tmp_path)
    assert found.fact is not None
    assert found.fact.value.file == "pyproject.toml"
    assert set(found.fact.value.extras) == {"Cloud_Files", "web"}
    assert set(found.packages) == {"django", "django-storages", "gunicorn"}
    found = find_dependencies(tmp_path, tmp_path, "3.13", DependencyOptions(extras=("other",)))
    assert set(found.packages) == {"django", "redis"}
