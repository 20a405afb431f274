"""fly.toml, against the fields that Fly documents."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import fly
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
from tests.platforms.reading import only_file, read

BUILT = Options(dockerfile=GENERATED)
MIGRATE = "python manage.py migrate --noinput"


def document(found: Project, options: Options = BUILT) -> dict[str, Any]:
    return read(fly, found, options)


def test_release_command_migrates(tmp_path: Path) -> None:
    content = document(project(tmp_path))
    assert content["deploy"] == {"release_command": MIGRATE}
    assert "processes" not in content
    assert "mounts" not in content


def test_port_of_the_image_is_used(tmp_path: Path) -> None:
    content = document(project(tmp_path), Options(dockerfile=Dockerfile(True, False, port=9000)))
    assert content["env"]["PORT"] == "9000"
    assert content["http_service"]["internal_port"] == 9000
    assert content["checks"]["listens"]["port"] == 9000
    assert content["http_service"]["force_https"] is True


def test_gunicorn_is_stopped_gracefully(tmp_path: Path) -> None:
    content = document(project(tmp_path))
    assert content["kill_signal"] == "SIGTERM"
    assert content["kill_timeout"] > 30


def test_health_check_uses_the_host_name_and_https(tmp_path: Path) -> None:
    content = document(full(tmp_path))
    (check,) = content["http_service"]["checks"]
    assert check["path"] == "/healthz/"
    host = f"{content['app']}.fly.dev"
    assert check["headers"] == {"Host": host, "X-Forwarded-Proto": "https"}
    assert any(host in note for note in only_file(fly, full(tmp_path), BUILT).notes)


def test_worker_process(tmp_path: Path) -> None:
    content = document(full(tmp_path))
    assert content["processes"]["worker"] == "celery -A mysite worker"
    assert content["processes"]["app"].startswith("gunicorn ")
    assert content["http_service"]["processes"] == ["app"]


def test_start_command_migrates_sqlite(tmp_path: Path) -> None:
    found = connected(tmp_path, "sqlite", NAME="SQLITE")
    content = document(replace(found, processes=Fact((Process("worker", "true"),), "Procfile:1")))
    assert "deploy" not in content
    assert list(content["processes"]) == ["app"]
    line = shlex.split(content["processes"]["app"])
    assert line[:2] == ["/bin/sh", "-c"]
    assert line[2].startswith(f"{MIGRATE} && exec gunicorn")
    assert content["env"]["SQLITE"] == "/data/db.sqlite3"
    assert content["mounts"]["destination"] == "/data"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, False, id="whitenoise"),
        pytest.param(
            {
                "whitenoise": None,
                "storage": Fact("servestatic.storage.CompressedStaticFilesStorage", "s.py:1"),
            },
            False,
            id="servestatic",
        ),
        pytest.param({"whitenoise": None}, True, id="nothing else"),
        pytest.param({"whitenoise": None, "remote": Fact(True, "s.py:1")}, False, id="remote"),
        pytest.param(
            {"whitenoise": None, "static_url": Fact("https://cdn/", "s.py:1")}, False, id="a CDN"
        ),
    ],
)
def test_fly_serves_static_files_if_the_application_does_not(
    tmp_path: Path, changes: dict[str, Any], expected: bool
) -> None:
    statics = [{"guest_path": "/app/staticfiles", "url_prefix": "/static/"}]
    assert document(project(tmp_path, **changes)).get("statics") == (statics if expected else None)


def test_notes_list_secrets_and_the_database(tmp_path: Path) -> None:
    notes = " ".join(only_file(fly, full(tmp_path), BUILT).notes)
    assert "fly secrets set SECRET_KEY=… PAYMENTS_URL=…" in notes
    assert "fly mpg attach CLUSTER_ID --variable-name DATABASE_URL" in notes
    assert "SECRET_KEY" not in document(full(tmp_path))["env"]


@pytest.mark.parametrize("engine", ["postgresql", "mysql", "oracle"])
def test_other_database_variables_are_secrets(tmp_path: Path, engine: str) -> None:
    notes = " ".join(
        only_file(fly, connected(tmp_path, engine, HOST="DB_HOST", NAME="DB"), BUILT).notes
    )
    assert "fly secrets set DB_HOST=… DB=…" in notes
    assert "attach" not in notes
    url = " ".join(only_file(fly, connected(tmp_path, "mysql", "DATABASE_URL"), BUILT).notes)
    assert "fly secrets set DATABASE_URL=…" in url


@pytest.mark.parametrize("name", ["A B", "A\nB = 1", "a.b", "ÄB"])
def test_unsettable_variable_is_warned_about(tmp_path: Path, name: str) -> None:
    read_by_it = Variable(name, True, "mysite/settings.py:80")
    found = replace(connected(tmp_path, "sqlite", name), variables=(read_by_it,))
    assert set(document(found)["env"]) == {"PORT", "DATABASE_PATH"}
    assert any(repr(name) in warning for warning in only_file(fly, found, BUILT).warnings)


def test_scheduled_processes_are_left_out(tmp_path: Path) -> None:
    options = Options(dockerfile=GENERATED, processes=(Process("tidy", "true", "0 4 * * *"),))
    assert "tidy" not in document(full(tmp_path), options)["processes"]
    assert "tidy" in " ".join(only_file(fly, full(tmp_path), options).warnings)


def test_production_settings_are_set(tmp_path: Path) -> None:
    module = document(production(tmp_path))["env"]["DJANGO_SETTINGS_MODULE"]
    assert module == "mysite.settings.production"


def test_release_command_collects_into_remote_storage(tmp_path: Path) -> None:
    line = shlex.split(document(remote(tmp_path))["deploy"]["release_command"])
    assert line == ["/bin/sh", "-c", f"python manage.py collectstatic --noinput && {MIGRATE}"]


@pytest.mark.parametrize("name", [*AWKWARD, "line\nbreak", "\x7f\x85\u2028", "日本"])
def test_any_directory_name_is_quoted(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    root.mkdir()
    words = shlex.split(document(in_directory(root, name))["deploy"]["release_command"])
    words = shlex.split(words[2]) if words[0] == "/bin/sh" else words
    leading = "./" if name.startswith("-") else ""
    assert words == ["python", f"{leading}{name}/manage.py", "migrate", "--noinput"]


def test_requires_a_dockerfile(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="generate dockerfile fly"):
        fly.files(project(tmp_path), DEFAULTS)
