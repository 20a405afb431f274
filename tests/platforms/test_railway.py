"""railpack.json and railway.json, each valid by its schema, and what is left to set on Railway."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import railway
from buildstatic.platforms.options import Dockerfile, Options, read_dockerfile
from buildstatic.project import Fact, Process, Project
from tests.platforms.projects import (
    AWKWARD,
    CUSTOM,
    DEFAULTS,
    GENERATED,
    GENERATED_FOR_RAILWAY,
    connected,
    full,
    in_directory,
    production,
    project,
    remote,
    with_frontend,
)

SCHEMA = json.loads(Path(__file__).with_name("railpack.schema.json").read_text())
LEGACY_SCHEMA = json.loads(Path(__file__).with_name("railway.schema.json").read_text())
COLLECT = "python manage.py collectstatic --noinput"
MIGRATE = "python manage.py migrate --noinput"
SERVE = "exec gunicorn --worker-tmp-dir /dev/shm --no-control-socket mysite.wsgi:application"
CHAIN = f"{COLLECT} && {MIGRATE} && {SERVE}"
BUILD = Options(chain="build")


def railpack(found: Project, options: Options = DEFAULTS) -> dict[str, Any]:
    """Return the railpack.json of *found*, valid."""
    (file,) = railway.files(found, options)
    assert file.path == "railpack.json"
    parsed: dict[str, Any] = json.loads(file.text)
    jsonschema.validate(parsed, SCHEMA)
    assert parsed.pop("$schema") == "https://schema.railpack.com"
    return parsed


def legacy(found: Project, options: Options = DEFAULTS) -> dict[str, Any]:
    """Return the railway.json of *found*, valid."""
    (file,) = railway.files(found, replace(options, legacy=True))
    assert file.path == "railway.json"
    parsed: dict[str, Any] = json.loads(file.text)
    jsonschema.validate(parsed, LEGACY_SCHEMA)
    return parsed


def notes(found: Project, options: Options = DEFAULTS) -> str:
    return "\n".join(railway.notes(found, options))


def test_start_chain_collects_migrates_and_serves(tmp_path: Path) -> None:
    assert railpack(project(tmp_path)) == {"deploy": {"startCommand": CHAIN}}
    assert "--chain build" in notes(project(tmp_path))


def test_build_chain_has_a_layer_of_its_own(tmp_path: Path) -> None:
    step = {
        "inputs": [{"step": "build"}],
        "commands": [COLLECT],
        "deployOutputs": [{"include": ["staticfiles"]}],
    }
    expected = {"steps": {"static": step}, "deploy": {"startCommand": SERVE}}
    assert railpack(project(tmp_path), BUILD) == expected
    assert f"set the pre-deploy command to `{MIGRATE}`" in notes(project(tmp_path), BUILD)


def test_installed_buildstatic_collects_in_the_build(tmp_path: Path) -> None:
    found = project(tmp_path, packages={"buildstatic": Fact("==0.1", "requirements.txt:4")})
    commands = railpack(found, BUILD)["steps"]["static"]["commands"]
    assert commands == ["buildstatic collect --noinput"]


def test_unknown_static_root_is_part_of_the_build(tmp_path: Path) -> None:
    steps = railpack(project(tmp_path, static_root=None), BUILD)["steps"]
    assert steps == {"build": {"commands": ["...", COLLECT]}}


@pytest.mark.parametrize(
    ("options", "start", "setting"),
    [
        pytest.param(Options(), CHAIN, False, id="at the start"),
        pytest.param(BUILD, SERVE, True, id="once"),
    ],
)
def test_remote_storage_is_collected_before_migrations(
    tmp_path: Path, options: Options, start: str, setting: bool
) -> None:
    found = remote(tmp_path)
    assert railpack(found, options) == {"deploy": {"startCommand": start}}
    assert (f"pre-deploy command to `{COLLECT} && {MIGRATE}`" in notes(found, options)) is setting


@pytest.mark.parametrize(
    ("is_remote", "dockerfile", "settings"),
    [
        pytest.param(False, GENERATED_FOR_RAILWAY, f"pre-deploy command to `{MIGRATE}`", id="ours"),
        pytest.param(
            False,
            CUSTOM,
            f"start command to `{shlex.join(['/bin/sh', '-c', CHAIN])}`",
            id="does not collect",
        ),
        pytest.param(
            True,
            CUSTOM,
            f"pre-deploy command to `{shlex.join(['/bin/sh', '-c', f'{COLLECT} && {MIGRATE}'])}`",
            id="remote",
        ),
    ],
)
def test_dockerfile_needs_settings_and_no_file(
    tmp_path: Path, is_remote: bool, dockerfile: Dockerfile, settings: str
) -> None:
    found = remote(tmp_path) if is_remote else project(tmp_path)
    options = Options(dockerfile=dockerfile)
    assert railway.files(found, options) == ()
    assert f"set the {settings}" in notes(found, options)


def test_railpack_can_be_used_beside_a_dockerfile(tmp_path: Path) -> None:
    options = Options(dockerfile=GENERATED_FOR_RAILWAY, builder="railpack")
    assert railpack(project(tmp_path), options)["deploy"]["startCommand"] == CHAIN
    assert "exclude the Dockerfile" in notes(project(tmp_path), options)


LEGACY_CASES = [
    pytest.param(
        False, Options(), {"builder": "RAILPACK"}, {"startCommand": CHAIN}, id="the whole chain"
    ),
    pytest.param(
        False,
        BUILD,
        {"builder": "RAILPACK", "buildCommand": COLLECT},
        {"preDeployCommand": [MIGRATE], "startCommand": SERVE},
        id="collected in the build",
    ),
    pytest.param(
        False,
        Options(dockerfile=GENERATED_FOR_RAILWAY),
        {"builder": "DOCKERFILE"},
        {"preDeployCommand": [MIGRATE]},
        id="a Dockerfile with a static stage",
    ),
    pytest.param(
        False,
        Options(dockerfile=CUSTOM),
        {"builder": "DOCKERFILE"},
        {"startCommand": shlex.join(["/bin/sh", "-c", CHAIN])},
        id="a Dockerfile that does not collect",
    ),
    pytest.param(
        True,
        Options(),
        {"builder": "RAILPACK"},
        {"preDeployCommand": [f"{COLLECT} && {MIGRATE}"], "startCommand": SERVE},
        id="remote",
    ),
]


@pytest.mark.parametrize(("is_remote", "options", "build", "deploy"), LEGACY_CASES)
def test_railway_json(
    tmp_path: Path,
    is_remote: bool,
    options: Options,
    build: dict[str, Any],
    deploy: dict[str, Any],
) -> None:
    found = remote(tmp_path) if is_remote else project(tmp_path)
    assert legacy(found, options) | {"$schema": ""} == {
        "$schema": "",
        "build": build,
        "deploy": deploy,
    }
    assert "2026-12-01" in notes(found, replace(options, legacy=True))


def test_dockerfile_builder_requires_a_dockerfile(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="generate dockerfile railway"):
        railway.files(project(tmp_path), Options(builder="dockerfile"))


def test_dockerfile_builder_runs_no_build_command(tmp_path: Path) -> None:
    options = Options(builder="dockerfile", chain="build", dockerfile=CUSTOM)
    with pytest.raises(ConfigInvalid, match="has no static stage"):
        railway.files(project(tmp_path), options)


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        pytest.param(None, False, id="none"),
        pytest.param(GENERATED, True, id="with cache mounts"),
        pytest.param(GENERATED_FOR_RAILWAY, False, id="without"),
    ],
)
def test_rejected_cache_mounts_are_noted(
    tmp_path: Path, dockerfile: Dockerfile | None, expected: bool
) -> None:
    text = notes(project(tmp_path), Options(dockerfile=dockerfile))
    assert ("--no-cache-mounts" in text) is expected


def test_front_end_build_needs_the_dockerfile(tmp_path: Path) -> None:
    assert "generate dockerfile railway" in notes(with_frontend(tmp_path))
    assert "front-end" not in notes(
        with_frontend(tmp_path), Options(dockerfile=GENERATED_FOR_RAILWAY)
    )


@pytest.mark.parametrize("options", [DEFAULTS, BUILD])
def test_production_settings_are_set(tmp_path: Path, options: Options) -> None:
    config = railpack(production(tmp_path), options)
    variables = {"DJANGO_SETTINGS_MODULE": "mysite.settings.production"}
    assert config["deploy"]["variables"] == variables
    assert [step["variables"] for step in config.get("steps", {}).values()] == (
        [variables] if options == BUILD else []
    )
    text = notes(production(tmp_path), Options(legacy=True))
    assert "the variable DJANGO_SETTINGS_MODULE to mysite.settings.production" in text


@pytest.mark.parametrize("name", [*AWKWARD, "line\nbreak", '"""', "${{ x }}", "\u2028"])
def test_any_module_name_is_quoted(tmp_path: Path, name: str) -> None:
    found = project(
        tmp_path,
        settings=Fact(f"{name}.settings", "--settings"),
        wsgi=Fact(f"{name}.wsgi:application", "--settings"),
    )
    deploy = railpack(found)["deploy"]
    assert shlex.split(deploy["startCommand"])[-1] == f"{name}.wsgi:application"
    assert deploy["variables"] == {"DJANGO_SETTINGS_MODULE": f"{name}.settings"}
    assert legacy(found)["deploy"]["startCommand"] == deploy["startCommand"]


@pytest.mark.parametrize("directory", [*AWKWARD, "line\nbreak"])
def test_any_directory_name_is_quoted(tmp_path: Path, directory: str) -> None:
    """A real shell finds a real manage.py in such a directory."""
    (tmp_path / directory).mkdir()
    (tmp_path / directory / "manage.py").write_text("import sys\nprint(sys.argv[1])\n")
    found = in_directory(tmp_path, directory)
    start = railpack(found)["deploy"]["startCommand"]
    assert _run_steps(tmp_path, start) == ["collectstatic", "migrate"]
    argv = shlex.split(legacy(found, Options(dockerfile=CUSTOM))["deploy"]["startCommand"])
    assert argv[:2] == ["/bin/sh", "-c"]
    assert _run_steps(tmp_path, argv[2]) == ["collectstatic", "migrate"]


def _run_steps(root: Path, line: str) -> list[str]:
    """Return what the steps of *line* print, but for the last, which serves."""
    steps = line.rpartition(" && exec ")[0]
    env = {"PATH": str(Path(sys.executable).parent)}
    done = subprocess.run(
        ["/bin/sh", "-c", steps], cwd=root, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("FROM a AS static\n", Dockerfile(True, False), id="a static stage"),
        pytest.param("from a as Static \n", Dockerfile(True, False), id="in any case"),
        pytest.param(
            "FROM a AS assets\n", Dockerfile(False, False, assets=True), id="an assets stage"
        ),
        pytest.param("FROM a AS statics\n", Dockerfile(False, False), id="another stage"),
        pytest.param("# FROM a AS static\n", Dockerfile(False, False), id="a comment"),
        pytest.param(
            "RUN --mount=type=cache,target=/x \\\n  true\n", Dockerfile(False, True), id="a cache"
        ),
        pytest.param(
            "RUN true --no --mount=target=/x,type=cache\n", Dockerfile(False, True), id="any order"
        ),
        pytest.param(
            "RUN --mount=type=cache,id=s/0a1b-/x,target=/x true\n",
            Dockerfile(False, False),
            id="Railway's cache",
        ),
        pytest.param(
            "RUN --mount=type=bind,target=/x true\n", Dockerfile(False, False), id="a bind mount"
        ),
        pytest.param(
            "# RUN --mount=type=cache,target=/x\n", Dockerfile(False, False), id="a cache, comment"
        ),
        pytest.param(
            "FROM a AS x\nENV PORT=1\nEXPOSE 2\nFROM b\nEXPOSE 3\n",
            Dockerfile(False, False, port=3),
            id="port of the last stage",
        ),
        pytest.param(
            "FROM a AS x\nENV PORT=1\nEXPOSE 2\nFROM x\n",
            Dockerfile(False, False, port=1),
            id="port of an earlier stage",
        ),
    ],
)
def test_read_dockerfile(text: str, expected: Dockerfile) -> None:
    assert read_dockerfile(text) == expected


def test_health_check_is_a_setting(tmp_path: Path) -> None:
    assert legacy(full(tmp_path))["deploy"]["healthcheckPath"] == "/healthz/"
    text = notes(full(tmp_path))
    assert "the health check path to /healthz/" in text
    assert "healthcheck.railway.app" in text
    assert "healthcheck.railway.app" not in notes(project(tmp_path))


def test_other_processes_are_services_of_their_own(tmp_path: Path) -> None:
    cron = Process("tidy", "a | b", "0 4 * * *")
    text = notes(full(tmp_path), Options(processes=(cron,)))
    assert "one for each of worker, tidy" in text
    assert "generate railway-iac" in text


def test_processes_cannot_be_named_web(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="web is the name of the server process"):
        notes(project(tmp_path), Options(processes=(Process("web", "a"),)))


def test_monorepo_builds_and_watches_only_the_project(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    assert "watchPatterns" not in legacy(project(tmp_path))["build"]
    root = tmp_path / "back end" / "site[1]"
    root.mkdir(parents=True)
    assert legacy(full(root))["build"]["watchPatterns"] == ["/back end/site\\[1]/**"]
    assert "the root directory to /back end/site[1]" in notes(full(root))


@pytest.mark.parametrize(
    ("options", "deploy"),
    [
        pytest.param(Options(), {"startCommand": f"{COLLECT} && {SERVE}"}, id="the chain"),
        pytest.param(BUILD, {"startCommand": SERVE}, id="in the build"),
    ],
)
def test_project_without_database_does_not_migrate(
    tmp_path: Path, options: Options, deploy: dict[str, Any]
) -> None:
    """Django's migrate would fail."""
    found = connected(tmp_path, "dummy")
    assert railpack(found, options)["deploy"] == deploy
    assert legacy(found, Options(dockerfile=GENERATED_FOR_RAILWAY))["deploy"] == {}
