"""render.yaml, against the fields that Render documents."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import render
from buildstatic.platforms.options import Options
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
from tests.platforms.reading import only_file, read

BUILT = Options(dockerfile=GENERATED)
MIGRATE = "python manage.py migrate --noinput"


def services(found: Project, options: Options = BUILT) -> dict[str, dict[str, Any]]:
    content = read(render, found, options)["services"]
    return {service["name"]: service for service in content}


def web(found: Project, options: Options = BUILT) -> dict[str, Any]:
    return next(iter(services(found, options).values()))


def variables(service: dict[str, Any]) -> dict[str, Any]:
    return {
        item["key"]: {k: v for k, v in item.items() if k != "key"} for item in service["envVars"]
    }


def test_pre_deploy_command_migrates(tmp_path: Path) -> None:
    service = web(full(tmp_path))
    assert service["preDeployCommand"] == MIGRATE
    assert service["healthCheckPath"] == "/healthz/"
    assert "dockerCommand" not in service


def test_database_of_the_blueprint_is_internal(tmp_path: Path) -> None:
    content = read(render, connected(tmp_path, "postgresql", "DB_URL"), BUILT)
    (database,) = content["databases"]
    assert database["ipAllowList"] == []
    source = {"name": database["name"], "property": "connectionString"}
    assert variables(content["services"][0]) == {"DB_URL": {"fromDatabase": source}}


def test_database_is_found_by_separate_variables(tmp_path: Path) -> None:
    found = connected(tmp_path, "postgresql", HOST="DB_HOST", NAME="DB", PASSWORD="DB_PASS")
    given = {name: item["fromDatabase"]["property"] for name, item in variables(web(found)).items()}
    assert given == {"DB_HOST": "host", "DB": "database", "DB_PASS": "password"}


def test_secrets_are_shared_with_other_services(tmp_path: Path) -> None:
    first, worker = services(full(tmp_path)).values()
    assert variables(first)["SECRET_KEY"] == {"generateValue": True}
    assert variables(first)["PAYMENTS_URL"] == {"sync": False}
    for name in ("SECRET_KEY", "PAYMENTS_URL"):
        shared = {"type": "web", "name": first["name"], "envVarKey": name}
        assert variables(worker)[name] == {"fromService": shared}


def test_worker_and_cron_services(tmp_path: Path) -> None:
    options = Options(
        dockerfile=GENERATED, processes=(Process("tidy", "echo $A | cat", "0 4 * * *"),)
    )
    _, worker, cron = services(full(tmp_path), options).values()
    assert (worker["type"], worker["dockerCommand"]) == ("worker", "celery -A mysite worker")
    assert (cron["type"], cron["schedule"]) == ("cron", "0 4 * * *")
    assert shlex.split(cron["dockerCommand"]) == ["/bin/sh", "-c", "echo $A | cat"]


def test_start_command_migrates_sqlite(tmp_path: Path) -> None:
    found = replace(
        connected(tmp_path, "sqlite", "DATABASE_URL"),
        processes=Fact((Process("worker", "true"),), "Procfile:1"),
    )
    service = web(found)
    assert "preDeployCommand" not in service
    assert shlex.split(service["dockerCommand"])[2].startswith(f"{MIGRATE} && exec gunicorn")
    assert variables(service) == {"DATABASE_URL": {"value": "sqlite:////data/db.sqlite3"}}
    assert service["disk"]["mountPath"] == "/data"
    assert len(services(found)) == 1
    assert "worker" in " ".join(only_file(render, found, BUILT).warnings)


def test_unsupported_database_is_warned_about(tmp_path: Path) -> None:
    found = connected(tmp_path, "mysql", "DATABASE_URL")
    assert "databases" not in read(render, found, BUILT)
    assert "Render has no mysql databases" in " ".join(only_file(render, found, BUILT).warnings)


def test_production_settings_are_set(tmp_path: Path) -> None:
    module = {"DJANGO_SETTINGS_MODULE": {"value": "mysite.settings.production"}}
    assert variables(web(production(tmp_path))) == module


def test_pre_deploy_command_collects_into_remote_storage(tmp_path: Path) -> None:
    line = shlex.split(web(remote(tmp_path))["preDeployCommand"])
    assert line[:2] == ["/bin/sh", "-c"]
    assert line[2] == f"python manage.py collectstatic --noinput && {MIGRATE}"


def test_monorepo_deploys_only_the_project(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    root = tmp_path / "back end" / "site"
    root.mkdir(parents=True)
    for service in services(full(root)).values():
        assert service["dockerfilePath"] == "./back end/site/Dockerfile"
        assert service["dockerContext"] == "./back end/site"
        assert service["buildFilter"] == {"paths": ["back end/site/**"]}


@pytest.mark.parametrize("name", [*AWKWARD, "line\nbreak", "\x7f\x85\u2028", "日本"])
def test_any_directory_name_is_quoted(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    root.mkdir()
    line = web(in_directory(root, name))["preDeployCommand"]
    leading = "./" if name.startswith("-") else ""
    words = shlex.split(line)
    words = shlex.split(words[2]) if words[0] == "/bin/sh" else words
    assert words == ["python", f"{leading}{name}/manage.py", "migrate", "--noinput"]


def test_requires_a_dockerfile(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="generate dockerfile render"):
        render.files(project(tmp_path), DEFAULTS)
