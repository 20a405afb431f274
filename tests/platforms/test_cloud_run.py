"""The service and the job of Cloud Run, against the fields that Google documents."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import cloud_run
from buildstatic.platforms.options import Dockerfile, Options
from buildstatic.project import Fact, Process, Project, Variable
from tests.platforms.projects import (
    AWKWARD,
    DEFAULTS,
    GENERATED,
    connected,
    full,
    in_directory,
    production,
    project,
    remote,
)
from tests.platforms.reading import validator, yaml
from tests.test_golden import GOLDEN

BUILT = Options(dockerfile=GENERATED)
MIGRATE = ["python", "manage.py", "migrate", "--noinput"]
ANNOTATIONS = {"annotations": {"run.googleapis.com/cloudsql-instances": "PROJECT:REGION:INSTANCE"}}


def documents(found: Project, options: Options = BUILT) -> list[dict[str, Any]]:
    """Return the valid service of *found* and its job, if it has one."""
    parsed = [yaml(file.text) for file in cloud_run.files(found, options)]
    for content in parsed:
        validator("cloud-run").validate(content)
    return parsed


def server(found: Project, options: Options = BUILT) -> dict[str, Any]:
    """Return the container of the service."""
    container: dict[str, Any]
    (container,) = documents(found, options)[0]["spec"]["template"]["spec"]["containers"]
    return container


def migrator(found: Project) -> dict[str, Any]:
    """Return the container of the job."""
    task = documents(found)[1]["spec"]["template"]["spec"]["template"]["spec"]
    container: dict[str, Any]
    (container,) = task["containers"]
    assert task["maxRetries"] == 0
    return container


def notes(found: Project) -> str:
    return "\n".join(cloud_run.files(found, BUILT)[0].notes)


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*/cloud-run/*.yaml")), ids=str)
def test_golden_files_are_valid(file: Path) -> None:
    validator("cloud-run").validate(yaml(file.read_text()))


def test_job_migrates_with_the_same_image_and_variables(tmp_path: Path) -> None:
    service, job = server(full(tmp_path)), migrator(full(tmp_path))
    assert job["command"] == MIGRATE
    assert "command" not in service
    assert (job["image"], job["env"]) == (service["image"], service["env"])
    name = documents(full(tmp_path))[1]["metadata"]["name"]
    assert f"gcloud run jobs execute {name} --wait" in notes(full(tmp_path))


def test_required_variables_are_secrets(tmp_path: Path) -> None:
    name = documents(full(tmp_path))[0]["metadata"]["name"]
    secrets = [item["valueFrom"]["secretKeyRef"]["name"] for item in server(full(tmp_path))["env"]]
    assert secrets == [f"{name}-SECRET_KEY", f"{name}-PAYMENTS_URL", f"{name}-DATABASE_URL"]
    assert ", ".join(secrets) in notes(full(tmp_path))


def test_port_is_left_to_cloud_run(tmp_path: Path) -> None:
    options = Options(dockerfile=Dockerfile(True, False, port=9000))
    found = project(tmp_path, variables=(Variable("PORT", True, "mysite/settings.py:3"),))
    container = server(found, options)
    assert container["ports"] == [{"containerPort": 9000}]
    assert "env" not in container


@pytest.mark.parametrize(("engine", "expected"), [("mysql", ANNOTATIONS), ("oracle", None)])
def test_cloud_sql_is_connected(tmp_path: Path, engine: str, expected: object) -> None:
    for content in documents(connected(tmp_path, engine, "DATABASE_URL")):
        assert content["spec"]["template"].get("metadata") == expected


def test_start_command_migrates_sqlite(tmp_path: Path) -> None:
    found = connected(tmp_path, "sqlite", NAME="SQLITE")
    assert len(documents(found)) == 1
    container = server(found)
    assert container["command"][:2] == ["/bin/sh", "-c"]
    assert container["command"][2].startswith(f"{shlex.join(MIGRATE)} && exec gunicorn")
    assert container["env"] == [{"name": "SQLITE", "value": "/data/db.sqlite3"}]
    (warning,) = cloud_run.files(found, BUILT)[0].warnings
    assert "lost with each instance" in warning


def test_project_without_database_has_no_job(tmp_path: Path) -> None:
    assert len(documents(connected(tmp_path, "dummy"))) == 1


def test_other_processes_are_warned_about(tmp_path: Path) -> None:
    processes = (Process("mail", "true"), Process("tidy", "true", "0 4 * * *"))
    found = replace(full(tmp_path), processes=Fact(processes, "Procfile:1"))
    mail, tidy = cloud_run.files(found, BUILT)[0].warnings
    assert "mail is left out. Add a worker pool" in mail
    assert "tidy is left out. Add a job" in tidy


def test_production_settings_are_set(tmp_path: Path) -> None:
    expected = [{"name": "DJANGO_SETTINGS_MODULE", "value": "mysite.settings.production"}]
    assert server(production(tmp_path))["env"] == expected


def test_job_collects_into_remote_storage(tmp_path: Path) -> None:
    line = f"python manage.py collectstatic --noinput && {shlex.join(MIGRATE)}"
    assert migrator(remote(tmp_path))["command"] == ["/bin/sh", "-c", line]


@pytest.mark.parametrize("name", [*AWKWARD, "line\nbreak", "日本", "2048", "x" * 90])
def test_any_directory_name_is_valid(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    root.mkdir()
    command = migrator(in_directory(root, name))["command"]
    words = shlex.split(command[2]) if command[0] == "/bin/sh" else command
    leading = "./" if name.startswith("-") else ""
    assert words == ["python", f"{leading}{name}/manage.py", "migrate", "--noinput"]


def test_requires_a_dockerfile(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="generate dockerfile cloud-run"):
        cloud_run.files(project(tmp_path), DEFAULTS)
