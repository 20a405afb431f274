"""The requirements files that are installed in production, and the servers in others."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.project import Dependencies, Fact
from buildstatic.project.packages import find_dependencies
from buildstatic.project.packages.known import DependencyOptions
from tests.project.packages.test_dependencies import FILES, LOCK, find
from tests.project.tree import write

PROD = "-r requirements.txt\npsycopg2\n"


@pytest.mark.parametrize(
    ("files", "file", "additional"),
    [
        pytest.param(["backend/requirements.txt"], "backend/requirements.txt", (), id="above"),
        pytest.param(["deploy/requirements.txt"], "deploy/requirements.txt", (), id="beside"),
        pytest.param(["requirements-prod.txt"], "requirements-prod.txt", (), id="suffix"),
        pytest.param(["prod_requirements.txt"], "prod_requirements.txt", (), id="prefix"),
        pytest.param(["requirements/deploy.txt"], "requirements/deploy.txt", (), id="deploy"),
        pytest.param(["requirements/live.txt"], "requirements/live.txt", (), id="live"),
        pytest.param(["requirements/main.txt"], "requirements/main.txt", (), id="main"),
        pytest.param(["reqs/prod.txt"], "reqs/prod.txt", (), id="reqs"),
        pytest.param(["my-requirements.txt"], "my-requirements.txt", (), id="another-name"),
        pytest.param(["requirements.in"], "requirements.in", (), id="not-compiled"),
        pytest.param(
            ["requirements/dev.txt", "requirements/common.txt"],
            "requirements/common.txt",
            (),
            id="not-for-development",
        ),
        pytest.param(
            ["requirements.txt", ("requirements-prod.txt", PROD)],
            "requirements-prod.txt",
            (),
            id="includes-the-other",
        ),
        pytest.param(
            ["requirements.txt", ("requirements/production.txt", "Django\nuvicorn\n")],
            "requirements/production.txt",
            (),
            id="has-the-server",
        ),
        pytest.param(
            ["requirements.txt", ("requirements-prod.txt", "gunicorn\n")],
            "requirements.txt",
            ("requirements-prod.txt",),
            id="adds-to-it",
        ),
        pytest.param(
            [
                "requirements.txt",
                ("requirements-dev.txt", "gunicorn\n"),
                ("requirements/constraints.txt", "gunicorn\n"),
                ("requirements-web.txt", "gunicorn\n"),
            ],
            "requirements.txt",
            ("requirements-web.txt",),
            id="another-has-the-server",
        ),
        pytest.param(
            [
                "requirements.txt",
                ("requirements-prod.txt", "sentry-sdk\n"),
                ("reqs/gunicorn.txt", "gunicorn\n"),
            ],
            "requirements.txt",
            ("requirements-prod.txt", "reqs/gunicorn.txt"),
            id="production-without-the-server",
        ),
        pytest.param(
            ["requirements/prod.txt", ("requirements.txt", "-r requirements/prod.txt\n")],
            "requirements.txt",
            (),
            id="included",
        ),
        pytest.param(
            ["requirements/prod.txt", ("requirements.txt", "ruff\n")],
            "requirements/prod.txt",
            (),
            id="has-Django",
        ),
        pytest.param(
            [("requirements.txt", "sphinx\n"), "backend/requirements.txt"],
            "backend/requirements.txt",
            (),
            id="directory-has-Django",
        ),
    ],
)
def test_requirements_for_production_are_found(
    tmp_path: Path,
    files: list[str | tuple[str, str]],
    file: str,
    additional: tuple[str, ...],
) -> None:
    named = [item if isinstance(item, tuple) else (item, "Django\n") for item in files]
    write(tmp_path, {"backend/src/manage.py": "", **dict(named)})
    found = find(tmp_path, "backend/src")
    assert found.fact is not None
    assert (found.fact.value.file, found.fact.value.additional) == (file, additional)
    assert "django" in found.packages
    assert ("gunicorn" in found.packages) == bool(additional)


@pytest.mark.parametrize(
    ("engine", "file"),
    [
        ("postgresql", "requirements/postgres.txt"),
        ("mysql", "requirements/mariadb.txt"),
        ("sqlite", "requirements/base.txt"),
        (None, "requirements/mariadb.txt"),
    ],
)
def test_requirements_with_the_database_driver_are_installed(
    tmp_path: Path, engine: str | None, file: str
) -> None:
    contents = {
        "base.txt": "Django\n",
        "mariadb.txt": "-r base.txt\nmysqlclient\n",
        "postgres.txt": "-r base.txt\npsycopg[binary]\n",
        "test.txt": "-r base.txt\nmysqlclient\npsycopg\n",
    }
    write(tmp_path, {f"requirements/{name}": text for name, text in contents.items()})
    options = DependencyOptions(engine=engine)
    found = find_dependencies(tmp_path, tmp_path, "3.13", options)
    assert found.fact is not None
    assert found.fact.value.file == file


@pytest.mark.parametrize("file", ["uv.lock", "poetry.lock", "Pipfile.lock", "pyproject.toml"])
def test_server_of_a_requirements_file_is_added_to_other_dependencies(
    tmp_path: Path, file: str
) -> None:
    files = {
        file: FILES[file][1],
        "requirements-dev.txt": "gunicorn\n",
        "deploy/reqs.txt": "daphne\n",
        "requirements/constraints.txt": "granian==1\n",
        "requirements/web.txt": "sentry-sdk\nuwsgi>=2\nuvicorn[standard]==0.30\n",
    }
    found = find(write(tmp_path, files))
    assert found.fact is not None
    assert found.fact.value.file == file
    assert found.fact.value.servers == ("uwsgi>=2", "uvicorn[standard]==0.30")
    assert set(found.packages) == {"django", "uwsgi", "uvicorn"}
    assert found.packages["uwsgi"].source == "requirements/web.txt:2"
    (note,) = found.notes
    assert note.startswith("requirements/web.txt has the server (uwsgi>=2, uvicorn[standard]")


def test_named_requirements_replace_those_found(tmp_path: Path) -> None:
    write(tmp_path, {"uv.lock": LOCK, "a/x.txt": "Django\n", "b.txt": "gunicorn\n"})
    options = DependencyOptions(requirements=("a/x.txt", "b.txt"))
    found = find_dependencies(tmp_path, tmp_path, "3.13", options)
    expected = Dependencies("pip", "a/x.txt", ("a/x.txt", "b.txt"), additional=("b.txt",))
    assert found.fact == Fact(expected, "a/x.txt:1")
    assert set(found.packages) == {"django", "gunicorn"}
    for name in ("missing.txt", "../out.txt"):
        with pytest.raises(ConfigInvalid, match=f"The requirements file {name} was not found"):
            find_dependencies(tmp_path, tmp_path, "3.13", DependencyOptions((name,)))
