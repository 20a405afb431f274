"""config/deploy.yml, against the fields that Kamal documents."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import kamal
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
from tests.platforms.reading import validator, yaml
from tests.test_golden import GOLDEN

BUILT = Options(dockerfile=GENERATED)
MIGRATE = "python manage.py migrate --noinput"


def document(found: Project, options: Options = BUILT) -> dict[str, Any]:
    """Return the valid config/deploy.yml of *found*."""
    content = yaml(kamal.files(found, options)[0].text)
    validator("kamal").validate(content)
    return content


def notes(found: Project) -> str:
    return "\n".join(kamal.files(found, BUILT)[0].notes)


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*/config/deploy.yml")), ids=str)
def test_golden_files_are_valid(file: Path) -> None:
    validator("kamal").validate(yaml(file.read_text()))


def test_server_migrates_on_one_host_after_the_other(tmp_path: Path) -> None:
    content = document(full(tmp_path))
    words = shlex.split(content["servers"]["web"]["cmd"])
    assert words[:2] == ["/bin/sh", "-c"]
    assert words[2].startswith(f"{MIGRATE} && exec gunicorn ")
    assert content["boot"] == {"limit": 1}


def test_server_collects_into_remote_storage(tmp_path: Path) -> None:
    content = document(remote(tmp_path))
    line = shlex.split(content["servers"]["web"]["cmd"])[2]
    assert line.startswith(f"python manage.py collectstatic --noinput && {MIGRATE} && exec ")
    assert "asset_path" not in content


def test_project_without_database_does_not_migrate(tmp_path: Path) -> None:
    content = document(connected(tmp_path, "dummy"))
    assert "cmd" not in content["servers"]["web"]
    assert "boot" not in content


def test_static_files_of_the_previous_release_stay(tmp_path: Path) -> None:
    assert document(project(tmp_path))["asset_path"] == "/app/staticfiles:ro"


def test_proxy_checks_the_health_of_the_port(tmp_path: Path) -> None:
    options = Options(dockerfile=Dockerfile(True, False, port=9000))
    proxy = document(full(tmp_path), options)["proxy"]
    assert proxy["app_port"] == 9000
    assert proxy["healthcheck"]["path"] == "/healthz/"
    assert "ALLOWED_HOSTS" in notes(full(tmp_path))
    (warning,) = kamal.files(project(tmp_path), BUILT)[0].warnings
    assert "/up" in warning


def test_database_is_an_accessory(tmp_path: Path) -> None:
    content = document(full(tmp_path))
    accessory = content["accessories"]["database"]
    assert accessory["image"].startswith("postgres:")
    assert accessory["env"]["secret"] == ["POSTGRES_PASSWORD:DATABASE_PASSWORD"]
    assert content["env"]["secret"] == ["SECRET_KEY", "PAYMENTS_URL", "DATABASE_URL"]
    host = f"{content['service']}-database:5432"
    url = f"`DATABASE_URL=postgres://django:$DATABASE_PASSWORD@{host}/django`"
    assert f"`DATABASE_PASSWORD=$DATABASE_PASSWORD`, {url}" in notes(full(tmp_path))


def test_database_is_found_by_separate_variables(tmp_path: Path) -> None:
    content = document(connected(tmp_path, "mysql", HOST="H", PORT="P", PASSWORD="SECRET"))
    host = f"{content['service']}-database"
    assert content["env"] == {
        "clear": {"H": host, "P": "3306"},
        "secret": ["SECRET:DATABASE_PASSWORD"],
    }


@pytest.mark.parametrize("engine", ["oracle", "postgresql"])
def test_no_accessory_that_nothing_can_use(tmp_path: Path, engine: str) -> None:
    url = "DATABASE_URL" if engine == "oracle" else None
    assert "accessories" not in document(connected(tmp_path, engine, url))


def test_sqlite_is_in_a_volume(tmp_path: Path) -> None:
    content = document(connected(tmp_path, "sqlite", NAME="SQLITE"))
    assert content["volumes"] == [f"{content['service']}-data:/data"]
    assert content["env"] == {"clear": {"SQLITE": "/data/db.sqlite3"}}
    assert "accessories" not in content


def test_processes_have_no_health_check(tmp_path: Path) -> None:
    processes = (Process("mail", "echo $A"), Process("tidy", "true", "0 4 * * *"))
    options = Options(dockerfile=GENERATED, processes=processes)
    servers = document(full(tmp_path), options)["servers"]
    assert set(servers) == {"web", "worker", "mail"}
    assert shlex.split(servers["mail"]["cmd"]) == ["/bin/sh", "-c", "echo $A"]
    assert servers["mail"]["options"] == {"no-healthcheck": True}
    assert "tidy" in " ".join(kamal.files(full(tmp_path), options)[0].warnings)


def test_production_settings_are_set(tmp_path: Path) -> None:
    env = document(production(tmp_path))["env"]
    assert env == {"clear": {"DJANGO_SETTINGS_MODULE": "mysite.settings.production"}}


def test_erb_is_escaped(tmp_path: Path) -> None:
    found = replace(
        full(tmp_path), processes=Fact((Process("p", "echo '<%= 1 %>'"),), "Procfile:1")
    )
    words = shlex.split(document(found)["servers"]["p"]["cmd"])
    assert words == ["/bin/sh", "-c", "echo '<%%= 1 %>'"]


@pytest.mark.parametrize("name", [*AWKWARD, "line\nbreak", "日本", "x" * 90])
def test_any_directory_name_is_quoted(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    root.mkdir()
    line = document(in_directory(root, name))["servers"]["web"]["cmd"]
    words = shlex.split(shlex.split(line)[2])
    leading = "./" if name.startswith("-") else ""
    assert words[:4] == ["python", f"{leading}{name}/manage.py", "migrate", "--noinput"]


def test_requires_a_dockerfile(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="generate dockerfile kamal"):
        kamal.files(project(tmp_path), DEFAULTS)
