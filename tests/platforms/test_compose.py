"""compose.yaml, against the schema of the Compose specification."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import compose
from buildstatic.platforms.options import Dockerfile, Options
from buildstatic.project import Connection, Fact, Process, Project, Sqlite, Variable
from tests.platforms.projects import (
    AWKWARD,
    DEFAULTS,
    GENERATED,
    connected,
    full,
    in_directory,
    project,
    remote,
)
from tests.platforms.reading import only_file, read

BUILT = Options(dockerfile=GENERATED)
MIGRATE = ["python", "manage.py", "migrate", "--noinput"]


def document(found: Project, options: Options = BUILT) -> dict[str, Any]:
    return read(compose, found, options)


def test_migrations_run_once_before_the_web(tmp_path: Path) -> None:
    services = document(full(tmp_path))["services"]
    assert services["migrate"]["command"] == MIGRATE
    assert services["migrate"]["restart"] == "no"
    assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    for name in ("web", "worker"):
        condition = {"migrate": {"condition": "service_completed_successfully"}}
        assert services[name]["depends_on"] == condition
    assert "command" not in services["web"]
    assert services["database"]["healthcheck"]["test"][1] == "pg_isready"


@pytest.mark.parametrize(
    ("engine", "image", "url"),
    [
        pytest.param(
            "postgresql",
            "postgres",
            "postgres://django:${DATABASE_PASSWORD:?}@database:5432/django",
            id="postgresql",
        ),
        pytest.param(
            "mysql",
            "mariadb",
            "mysql://django:${DATABASE_PASSWORD:?}@database:3306/django",
            id="mysql",
        ),
    ],
)
def test_database_service_is_found_by_the_url_variable(
    tmp_path: Path, engine: str, image: str, url: str
) -> None:
    content = document(connected(tmp_path, engine, "MY_DATABASE_URL"))
    assert content["services"]["database"]["image"].partition(":")[0] == image
    assert content["services"]["web"]["environment"] == {"MY_DATABASE_URL": url}
    assert list(content["volumes"]) == ["database"]


def test_database_service_is_found_by_separate_variables(tmp_path: Path) -> None:
    found = connected(
        tmp_path, "postgresql", HOST="DB_HOST", NAME="DB", USER="DB_USER", PASSWORD="DB_PASS"
    )
    assert document(found)["services"]["migrate"]["environment"] == {
        "DB_HOST": "database",
        "DB": "django",
        "DB_USER": "django",
        "DB_PASS": "${DATABASE_PASSWORD:?}",
    }


def test_unsupported_database_needs_its_variables(tmp_path: Path) -> None:
    found = connected(tmp_path, "oracle", HOST="DB_HOST", NAME="DB")
    environment = document(found)["services"]["web"]["environment"]
    assert environment == {"DB_HOST": "${DB_HOST:?}", "DB": "${DB:?}"}
    assert "database" not in document(found)["services"]
    assert any("DB_HOST, DB" in note for note in only_file(compose, found, BUILT).notes)


def test_postgis_backend_gets_a_postgis_service(tmp_path: Path) -> None:
    connection = Fact(Connection("postgresql", "DATABASE_URL", has_gis=True), "mysite/settings.py")
    services = document(project(tmp_path, connection=connection))["services"]
    assert services["database"]["image"].startswith("postgis/postgis:")
    assert services["web"]["environment"]["DATABASE_URL"].startswith("postgis://")


@pytest.mark.parametrize("name", ["PATH", "HOME", "VIRTUAL_ENV"])
@pytest.mark.parametrize("required", [True, False], ids=["required", "optional"])
def test_system_variables_are_not_passed_on(tmp_path: Path, name: str, required: bool) -> None:
    found = project(tmp_path, variables=(Variable(name, required, "mysite/settings.py:5"),))
    assert "environment" not in document(found)["services"]["web"]


@pytest.mark.parametrize(
    "line",
    ["exec celery -A mysite worker", "cd src && celery", ". ./env", "ulimit -n 9", "A=1 celery"],
)
def test_shell_commands_run_in_a_shell(tmp_path: Path, line: str) -> None:
    options = Options(dockerfile=GENERATED, processes=(Process("queue", line),))
    command = document(project(tmp_path), options)["services"]["queue"]["command"]
    assert command == ["/bin/sh", "-c", line]


@pytest.mark.parametrize("line", ["executor --now", "timer", "celery exec"])
def test_programs_run_without_a_shell(tmp_path: Path, line: str) -> None:
    options = Options(dockerfile=GENERATED, processes=(Process("queue", line),))
    assert document(project(tmp_path), options)["services"]["queue"]["command"] == line.split()


def test_sqlite_is_in_a_volume(tmp_path: Path) -> None:
    content = document(connected(tmp_path, "sqlite", NAME="SQLITE"))
    for name in ("web", "migrate"):
        assert content["services"][name]["volumes"] == ["data:/data"]
        assert content["services"][name]["environment"] == {"SQLITE": "/data/db.sqlite3"}
    assert "database" not in content["services"]


def test_no_volume_over_the_static_files(tmp_path: Path) -> None:
    root = Fact("/data/static", "mysite/settings.py:120")
    found = replace(connected(tmp_path, "sqlite", NAME="SQLITE"), static_root=root)
    web = document(found)["services"]["web"]
    assert web["volumes"] == ["data:/home/app"]
    assert web["environment"] == {"SQLITE": "/home/app/db.sqlite3"}


def test_database_inside_the_image_is_warned_about(tmp_path: Path) -> None:
    at = "mysite/settings.py:80"
    found = replace(connected(tmp_path, "sqlite"), sqlite=Fact(Sqlite("db.sqlite3", True), at))
    (warning,) = only_file(compose, found, BUILT).warnings
    assert "DATABASE_PATH" in warning
    assert document(found)["services"]["web"]["environment"] == {
        "DATABASE_PATH": "/data/db.sqlite3"
    }


def test_hard_coded_database_is_warned_about(tmp_path: Path) -> None:
    (warning,) = only_file(compose, connected(tmp_path, "postgresql"), BUILT).warnings
    assert "mysite/settings.py:80" in warning


def test_required_and_optional_variables(tmp_path: Path) -> None:
    environment = document(full(tmp_path))["services"]["web"]["environment"]
    assert environment["SECRET_KEY"] == "${SECRET_KEY:?}"
    assert environment["PAYMENTS_URL"] == "${PAYMENTS_URL:?}"
    assert environment["ALLOWED_HOSTS"] is None
    note, hosts = only_file(compose, full(tmp_path), BUILT).notes
    assert "set SECRET_KEY, PAYMENTS_URL, DATABASE_PASSWORD" in note
    assert "ALLOWED_HOSTS" in hosts


def test_project_without_database_does_not_migrate(tmp_path: Path) -> None:
    services = document(connected(tmp_path, "dummy"))["services"]
    assert list(services) == ["web"]
    assert "depends_on" not in services["web"]


def test_unknown_database_is_migrated(tmp_path: Path) -> None:
    assert document(project(tmp_path))["services"]["migrate"]["command"] == MIGRATE


def test_remote_storage_is_collected_before_serving(tmp_path: Path) -> None:
    command = document(remote(tmp_path))["services"]["migrate"]["command"]
    assert command[:2] == ["/bin/sh", "-c"]
    assert command[2].split(" && ") == [
        "python manage.py collectstatic --noinput",
        "python manage.py migrate --noinput",
    ]


def test_port_of_the_image_is_published(tmp_path: Path) -> None:
    options = Options(dockerfile=Dockerfile(True, False, port=9000))
    assert document(project(tmp_path), options)["services"]["web"]["ports"] == [
        "${PORT:-9000}:9000"
    ]


def test_processes_with_reserved_names_are_renamed(tmp_path: Path) -> None:
    processes = (Process("migrate", "true"), Process("database", "echo $HOME"))
    found = replace(full(tmp_path), processes=Fact(processes, "Procfile:1"))
    services = document(found)["services"]
    assert services["migrate"]["command"] == MIGRATE
    assert services["migrate-process"]["command"] == ["true"]
    assert services["database-process"]["command"] == ["/bin/sh", "-c", "echo $$HOME"]


def test_scheduled_processes_are_left_out(tmp_path: Path) -> None:
    options = Options(dockerfile=GENERATED, processes=(Process("tidy", "true", "0 4 * * *"),))
    assert "tidy" not in document(full(tmp_path), options)["services"]
    assert any("tidy" in note for note in only_file(compose, full(tmp_path), options).notes)


def test_unsettable_variable_is_warned_about(tmp_path: Path) -> None:
    secret = Variable("a b$`id`", True, "mysite/settings.py:5")
    found = project(tmp_path, secret_key=secret, variables=(secret,))
    assert "environment" not in document(found)["services"]["web"]
    (warning,) = only_file(compose, found, BUILT).warnings
    assert repr("a b$`id`") in warning


@pytest.mark.parametrize("name", [*AWKWARD, "line\nbreak", "日本", "${SECRET}", "x" * 90])
def test_any_directory_name_is_valid(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    root.mkdir()
    content = document(in_directory(root, name))
    assert content["name"] == content["services"]["web"]["image"]
    leading = "./" if name.startswith("-") else ""
    manage = content["services"]["migrate"]["command"]
    assert f"{leading}{name}/manage.py".replace("$", "$$") in " ".join(manage).replace(
        "'\"'\"'", "'"
    )


def test_requires_a_dockerfile(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="generate dockerfile compose"):
        compose.files(project(tmp_path), DEFAULTS)
