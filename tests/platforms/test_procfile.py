"""The Procfile."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal

import pytest
from honcho.environ import parse_procfile

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import procfile
from buildstatic.platforms.options import Options
from buildstatic.project import Dependencies, Fact, Project
from buildstatic.templates import GeneratedFile
from tests.platforms.projects import (
    AWKWARD,
    DEFAULTS,
    connected,
    in_directory,
    production,
    project,
    remote,
    with_frontend,
)

COLLECT = "python manage.py collectstatic --noinput"
MIGRATE = "python manage.py migrate --noinput"
HOSTS = "Heroku: ALLOWED_HOSTS needs the domains of the app, such as NAME.herokuapp.com."


def generate(found: Project, options: Options = DEFAULTS) -> GeneratedFile:
    (file,) = procfile.files(found, options)
    return file


def processes(file: GeneratedFile) -> dict[str, str]:
    return dict(parse_procfile(file.text).processes)


def test_release_migrates(tmp_path: Path) -> None:
    file = generate(project(tmp_path))
    assert processes(file) == {
        "release": MIGRATE,
        "web": "gunicorn --worker-tmp-dir /dev/shm --no-control-socket mysite.wsgi:application",
    }
    assert "collected during the build, not here" in file.text
    assert file.notes == (HOSTS,)
    assert not file.warnings


def test_lost_sqlite_database_is_noted(tmp_path: Path) -> None:
    file = generate(connected(tmp_path, "sqlite", NAME="DATABASE_PATH"))
    assert any("The SQLite database (mysite/settings.py:80) is lost" in note for note in file.notes)
    assert set(processes(file)) == {"web"}
    assert generate(connected(tmp_path, "sqlite", "DATABASE_URL")).notes == (HOSTS,)


@pytest.mark.parametrize(("manager", "expected"), [("uv", True), ("pip", False)])
def test_missing_python_version_is_noted_for_uv(
    tmp_path: Path, manager: str, expected: bool
) -> None:
    dependencies = Fact(Dependencies(manager, "uv.lock", ("uv.lock",)), "uv.lock")
    found = project(tmp_path, dependencies=dependencies)
    assert any("uv python pin" in note for note in generate(found).notes) is expected
    (tmp_path / ".python-version").write_text("3.13\n")
    assert generate(found).notes == (HOSTS,)


@pytest.mark.parametrize(
    ("is_remote", "collect_in", "release"),
    [
        pytest.param(True, None, f"{COLLECT} && {MIGRATE}", id="remote"),
        pytest.param(True, "release", f"{COLLECT} && {MIGRATE}", id="remote, asked"),
        pytest.param(True, "build", MIGRATE, id="remote, in the build"),
        pytest.param(False, "release", f"{COLLECT} && {MIGRATE}", id="local, asked"),
        pytest.param(False, "build", MIGRATE, id="local"),
    ],
)
def test_release_collects_for_remote_storage_or_on_request(
    tmp_path: Path, is_remote: bool, collect_in: str | None, release: str
) -> None:
    found = remote(tmp_path) if is_remote else project(tmp_path)
    options = Options(collect_in=collect_in)  # type: ignore[arg-type]
    assert processes(generate(found, options))["release"] == release


def test_no_release_without_database(tmp_path: Path) -> None:
    found = connected(tmp_path, "dummy")
    assert set(processes(generate(found))) == {"web"}
    assert "It migrates" not in generate(found).text
    asked = processes(generate(found, Options(collect_in="release")))
    assert asked["release"] == COLLECT


def test_collecting_locally_in_release_is_warned_about(
    tmp_path: Path,
) -> None:
    file = generate(project(tmp_path), Options(collect_in="release"))
    (warning,) = file.warnings
    assert "discards files that the release phase writes" in warning
    assert "# Collects into a local directory, which Heroku discards" in file.text


@pytest.mark.parametrize("collect_in", [None, "release"])
def test_remote_storage_has_no_warning(
    tmp_path: Path, collect_in: Literal["release"] | None
) -> None:
    file = generate(remote(tmp_path), Options(collect_in=collect_in))
    assert not file.warnings
    assert "# Static files are stored remotely: the release phase, which has the" in file.text


def test_remote_storage_disables_collecting_in_the_build(
    tmp_path: Path,
) -> None:
    _, note = generate(remote(tmp_path)).notes
    assert "DISABLE_COLLECTSTATIC=1" in note


def test_production_settings_are_noted(tmp_path: Path) -> None:
    _, note = generate(production(tmp_path)).notes
    assert "heroku config:set DJANGO_SETTINGS_MODULE=mysite.settings.production" in note


def test_front_end_buildpack_is_noted(tmp_path: Path) -> None:
    _, note = generate(with_frontend(tmp_path)).notes
    assert "heroku buildpacks:add --index 1 heroku/nodejs" in note


@pytest.mark.parametrize("directory", AWKWARD)
def test_any_directory_name_is_quoted(tmp_path: Path, directory: str) -> None:
    lines = processes(generate(in_directory(tmp_path, directory)))
    leading = "./" if directory.startswith("-") else ""
    assert shlex.split(lines["release"])[1] == f"{leading}{directory}/manage.py"
    web = shlex.split(lines["web"])
    assert web[web.index("--chdir") + 1] == f"{leading}{directory}"


@pytest.mark.parametrize("directory", ["a\nb", "a\rb", "a\u2028b"])
def test_line_breaks_are_rejected(tmp_path: Path, directory: str) -> None:
    with pytest.raises(ConfigInvalid, match="A command in a Procfile must be one line"):
        generate(in_directory(tmp_path, directory))
