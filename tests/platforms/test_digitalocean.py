""".do/app.yaml, against the fields that DigitalOcean documents."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import digitalocean
from buildstatic.platforms.options import Dockerfile, Options
from buildstatic.project import Fact, Process, Project
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
from tests.platforms.reading import only_file, read, validator, yaml
from tests.test_golden import GOLDEN

BUILT = Options(dockerfile=GENERATED)
MIGRATE = "python manage.py migrate --noinput"


def document(found: Project, options: Options = BUILT) -> dict[str, Any]:
    return read(digitalocean, found, options)


def variables(component: dict[str, Any]) -> dict[str, str | None]:
    """Return the variables of *component*, None for a secret."""
    return {item["key"]: item.get("value") for item in component.get("envs", ())}


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*/.do/app.yaml")), ids=str)
def test_golden_files_are_valid(file: Path) -> None:
    validator("digitalocean").validate(yaml(file.read_text()))


def test_job_migrates_before_the_deployment(tmp_path: Path) -> None:
    (job,) = document(full(tmp_path))["jobs"]
    assert (job["kind"], job["run_command"]) == ("PRE_DEPLOY", MIGRATE)
    assert "run_command" not in document(full(tmp_path))["services"][0]


def test_all_components_run_the_same_image(tmp_path: Path) -> None:
    content = document(full(tmp_path))
    components = [*content["services"], *content["jobs"], *content["workers"]]
    assert len({item["image"]["repository"] for item in components}) == 1
    assert len({str(variables(item)) for item in components}) == 1
    pushed = f"registry.digitalocean.com/REGISTRY/{components[0]['image']['repository']}:latest"
    assert pushed in only_file(digitalocean, full(tmp_path), BUILT).notes[0]


def test_secrets_are_left_to_the_user(tmp_path: Path) -> None:
    given = variables(document(full(tmp_path))["services"][0])
    assert given == {
        "DATABASE_URL": "${database.DATABASE_URL}",
        "ALLOWED_HOSTS": "${APP_DOMAIN}",
        "SECRET_KEY": None,
        "PAYMENTS_URL": None,
    }
    notes = only_file(digitalocean, full(tmp_path), BUILT).notes
    assert "set SECRET_KEY, PAYMENTS_URL" in notes[1]
    assert "ALLOWED_HOSTS" not in notes[1]
    assert any("ALLOWED_HOSTS needs your own domains as well" in note for note in notes)


def test_database_is_found_by_separate_variables(tmp_path: Path) -> None:
    content = document(connected(tmp_path, "postgresql", HOST="H", NAME="N", PASSWORD="P"))
    assert content["databases"] == [{"name": "database", "engine": "PG"}]
    assert variables(content["services"][0]) == {
        "H": "${database.HOSTNAME}",
        "N": "${database.DATABASE}",
        "P": "${database.PASSWORD}",
    }


def test_unsupported_database_is_warned_about(tmp_path: Path) -> None:
    found = connected(tmp_path, "mysql", "DATABASE_URL")
    assert "databases" not in document(found)
    assert variables(document(found)["services"][0]) == {"DATABASE_URL": None}
    assert "no mysql database" in " ".join(only_file(digitalocean, found, BUILT).warnings)


def test_start_command_migrates_sqlite(tmp_path: Path) -> None:
    found = connected(tmp_path, "sqlite", NAME="SQLITE")
    content = document(found)
    line = shlex.split(content["services"][0]["run_command"])
    assert line[2].startswith(f"{MIGRATE} && exec gunicorn")
    assert "jobs" not in content
    (warning,) = only_file(digitalocean, found, BUILT).warnings
    assert "lost with each container" in warning


def test_project_without_database_has_no_job(tmp_path: Path) -> None:
    assert set(document(connected(tmp_path, "dummy"))) == {"name", "services"}


def test_workers_and_scheduled_jobs(tmp_path: Path) -> None:
    options = Options(
        dockerfile=GENERATED,
        processes=(Process("Tidy_Up", "echo $A", "0 4 * * *"), Process("migrate", "true")),
    )
    content = document(full(tmp_path), options)
    _, job = content["jobs"]
    assert (job["name"], job["kind"]) == ("tidy-up", "SCHEDULED")
    assert job["schedule"] == {"cron": "0 4 * * *", "time_zone": "UTC"}
    assert shlex.split(job["run_command"]) == ["/bin/sh", "-c", "echo $A"]
    assert [item["name"] for item in content["workers"]] == ["worker", "migrate-process"]


def test_port_of_the_image_is_used(tmp_path: Path) -> None:
    options = Options(dockerfile=Dockerfile(True, False, port=9000))
    assert document(project(tmp_path), options)["services"][0]["http_port"] == 9000


def test_production_settings_are_set(tmp_path: Path) -> None:
    given = variables(document(production(tmp_path))["services"][0])
    assert given == {"DJANGO_SETTINGS_MODULE": "mysite.settings.production"}


def test_job_collects_into_remote_storage(tmp_path: Path) -> None:
    line = shlex.split(document(remote(tmp_path))["jobs"][0]["run_command"])
    assert line == ["/bin/sh", "-c", f"python manage.py collectstatic --noinput && {MIGRATE}"]


@pytest.mark.parametrize("name", [*AWKWARD, "line\nbreak", "日本", "2048", "x", "x" * 90])
def test_any_directory_name_is_valid(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    root.mkdir()
    found = replace(in_directory(root, name), processes=Fact((Process(name[:1], "true"),), "P:1"))
    words = shlex.split(document(found)["jobs"][0]["run_command"])
    words = shlex.split(words[2]) if words[0] == "/bin/sh" else words
    leading = "./" if name.startswith("-") else ""
    assert words == ["python", f"{leading}{name}/manage.py", "migrate", "--noinput"]


def test_requires_a_dockerfile(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="generate dockerfile digitalocean"):
        digitalocean.files(project(tmp_path), DEFAULTS)
