"""railway.json against its schema, and .railway/railway.py with Railway's SDK."""

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
from tests.platforms.sdk import evaluated

SCHEMA = json.loads(Path(__file__).with_name("railway.schema.json").read_text())
COLLECT = "python manage.py collectstatic --noinput"
MIGRATE = "python manage.py migrate --noinput"
SERVE = "exec gunicorn --worker-tmp-dir /dev/shm --no-control-socket mysite.wsgi:application"


def config(found: Project, options: Options = DEFAULTS) -> dict[str, Any]:
    """Return the railway.json of *found*, valid."""
    parsed: dict[str, Any] = json.loads(railway.files(found, options)[0].text)
    jsonschema.validate(parsed, SCHEMA)
    return parsed


def graph(found: Project, options: Options = DEFAULTS) -> dict[str, Any]:
    """Return what Railway's SDK makes of railway.py."""
    return evaluated(found.root, railway.files(found, options)[1])


def service(found: Project, options: Options = DEFAULTS) -> dict[str, Any]:
    (only,) = graph(found, options)["resources"]
    assert isinstance(only, dict)
    return only


def notes(found: Project, options: Options = DEFAULTS) -> str:
    return "\n".join(note for file in railway.files(found, options) for note in file.notes)


CASES = [
    pytest.param(
        False,
        Options(),
        {"builder": "RAILPACK"},
        {"startCommand": f"{COLLECT} && {MIGRATE} && {SERVE}"},
        id="the whole chain",
    ),
    pytest.param(
        False,
        Options(chain="build"),
        {"builder": "RAILPACK", "buildCommand": COLLECT},
        {"preDeployCommand": [MIGRATE], "startCommand": SERVE},
        id="collected in the build",
    ),
    pytest.param(
        False,
        Options(builder="nixpacks"),
        {"builder": "NIXPACKS"},
        {"startCommand": f"{COLLECT} && {MIGRATE} && {SERVE}"},
        id="nixpacks",
    ),
    pytest.param(
        False,
        Options(dockerfile=GENERATED),
        {"builder": "RAILPACK"},
        {"startCommand": f"{COLLECT} && {MIGRATE} && {SERVE}"},
        id="a Dockerfile that Railway refuses",
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
        Options(dockerfile=GENERATED, builder="dockerfile"),
        {"builder": "DOCKERFILE"},
        {"preDeployCommand": [MIGRATE]},
        id="a Dockerfile, asked for",
    ),
    pytest.param(
        False,
        Options(dockerfile=CUSTOM, builder="dockerfile"),
        {"builder": "DOCKERFILE"},
        {"startCommand": shlex.join(["/bin/sh", "-c", f"{COLLECT} && {MIGRATE} && {SERVE}"])},
        id="a Dockerfile that does not collect",
    ),
    pytest.param(
        False,
        Options(dockerfile=CUSTOM),
        {"builder": "RAILPACK"},
        {"startCommand": f"{COLLECT} && {MIGRATE} && {SERVE}"},
        id="a foreign Dockerfile",
    ),
    pytest.param(
        True,
        Options(),
        {"builder": "RAILPACK"},
        {"preDeployCommand": [f"{COLLECT} && {MIGRATE}"], "startCommand": SERVE},
        id="remote",
    ),
    pytest.param(
        True,
        Options(dockerfile=CUSTOM),
        {"builder": "DOCKERFILE"},
        {"preDeployCommand": [shlex.join(["/bin/sh", "-c", f"{COLLECT} && {MIGRATE}"])]},
        id="remote in a Dockerfile",
    ),
]


@pytest.mark.parametrize(("is_remote", "options", "build", "deploy"), CASES)
def test_build_and_deploy_settings_are_equal_in_both_files(
    tmp_path: Path,
    is_remote: bool,
    options: Options,
    build: dict[str, Any],
    deploy: dict[str, Any],
) -> None:
    found = remote(tmp_path) if is_remote else project(tmp_path)
    parsed, node = config(found, options), service(found, options)
    assert parsed["build"] == node["build"] == build
    assert parsed["deploy"] == deploy
    assert {key: value for key, value in node["deploy"].items() if value} == deploy
    assert node["name"] == "web"


def test_dockerfile_builder_requires_a_dockerfile(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="generate dockerfile railway --no-cache-mounts"):
        railway.files(project(tmp_path), Options(builder="dockerfile"))


def test_dockerfile_builder_runs_no_build_command(tmp_path: Path) -> None:
    options = Options(builder="dockerfile", chain="build", dockerfile=CUSTOM)
    with pytest.raises(ConfigInvalid, match="has no static stage"):
        railway.files(project(tmp_path), options)


def test_successor_of_railway_json_is_noted(tmp_path: Path) -> None:
    text = notes(project(tmp_path))
    assert "2026-12-01" in text
    assert ".railway/railway.py" in text


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
    assert ("generate --no-cache-mounts" in text) is expected


@pytest.mark.parametrize(
    ("options", "note"),
    [
        pytest.param(Options(), "--chain build", id="replicas"),
        pytest.param(Options(builder="nixpacks"), "Nixpacks is deprecated", id="nixpacks"),
        pytest.param(Options(dockerfile=CUSTOM), "exclude the Dockerfile", id="foreign Dockerfile"),
    ],
)
def test_notes(tmp_path: Path, options: Options, note: str) -> None:
    assert note in notes(project(tmp_path), options)


def test_front_end_build_needs_the_dockerfile(tmp_path: Path) -> None:
    assert "--builder dockerfile" in notes(with_frontend(tmp_path))
    assert "front-end" not in notes(
        with_frontend(tmp_path), Options(dockerfile=GENERATED_FOR_RAILWAY)
    )


def test_production_settings_are_set(tmp_path: Path) -> None:
    variables = service(production(tmp_path))["variables"]
    module = {"type": "literal", "value": "mysite.settings.production"}
    assert variables == {"DJANGO_SETTINGS_MODULE": module}
    assert "railway variable set DJANGO_SETTINGS_MODULE" in notes(production(tmp_path))


@pytest.mark.parametrize("name", [*AWKWARD, "line\nbreak", '"""', "${{ x }}", "\u2028"])
def test_any_module_name_is_quoted(tmp_path: Path, name: str) -> None:
    """In both files, the command and the environment."""
    found = project(
        tmp_path,
        settings=Fact(f"{name}.settings", "--settings"),
        wsgi=Fact(f"{name}.wsgi:application", "--settings"),
    )
    parsed, node = config(found), service(found)
    assert parsed["deploy"]["startCommand"] == node["deploy"]["startCommand"]
    assert shlex.split(parsed["deploy"]["startCommand"])[-1] == f"{name}.wsgi:application"
    module = {"type": "literal", "value": f"{name}.settings"}
    assert node["variables"] == {"DJANGO_SETTINGS_MODULE": module}


def test_settings_of_manage_py_are_not_repeated(tmp_path: Path) -> None:
    assert "variables" not in service(project(tmp_path))


@pytest.mark.parametrize("directory", [*AWKWARD, "line\nbreak"])
def test_any_directory_name_is_quoted(tmp_path: Path, directory: str) -> None:
    """A real shell finds a real manage.py in such a directory."""
    (tmp_path / directory).mkdir()
    (tmp_path / directory / "manage.py").write_text("import sys\nprint(sys.argv[1])\n")
    found = in_directory(tmp_path, directory)
    parsed, node = config(found), service(found)
    assert parsed["deploy"]["startCommand"] == node["deploy"]["startCommand"]
    assert _run_steps(tmp_path, parsed["deploy"]["startCommand"]) == ["collectstatic", "migrate"]

    options = Options(dockerfile=CUSTOM, builder="dockerfile")
    argv = shlex.split(config(found, options)["deploy"]["startCommand"])
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


@pytest.mark.parametrize("name", [*AWKWARD, "line\nbreak"])
def test_project_is_named_after_its_directory(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    root.mkdir()
    result = graph(project(root))
    assert result["name"] == name
    assert "source" not in result["resources"][0]


@pytest.mark.parametrize(
    ("url", "repo"),
    [
        pytest.param("git@github.com:acme/site.git", "acme/site", id="ssh"),
        pytest.param("https://github.com/acme/site.git", "acme/site", id="https"),
        pytest.param("https://github.com/acme/site", "acme/site", id="without .git"),
        pytest.param("https://github.com/acme/site/", "acme/site", id="with a slash"),
        pytest.param("https://x:s3cret@github.com/acme/site.git", "acme/site", id="with a token"),
        pytest.param("ssh://git@ssh.github.com:443/acme/a.b-c.git", "acme/a.b-c", id="ssh on 443"),
        pytest.param("https://gitlab.com/acme/site.git", None, id="another host"),
        pytest.param("https://github.com.evil.example/acme/site", None, id="a look-alike"),
        pytest.param("https://example.com/github.com/acme/site", None, id="a path"),
        pytest.param("../site.git", None, id="a directory"),
    ],
)
def test_source_is_the_origin_on_github(tmp_path: Path, url: str, repo: str | None) -> None:
    _git(tmp_path, "init", "--quiet", "--initial-branch=trunk")
    _git(tmp_path, "remote", "add", "upstream", "https://github.com/other/fork.git")
    _git(tmp_path, "remote", "add", "origin", url)
    result = graph(project(tmp_path))
    source = result["resources"][0].get("source")
    assert source == (repo and {"type": "github", "repo": repo, "branch": "main"})
    assert result["name"] == (repo.partition("/")[2] if repo else tmp_path.name)
    assert "s3cret" not in railway.files(project(tmp_path), Options())[1].text


def test_master_branch_is_deployed(tmp_path: Path) -> None:
    _git(tmp_path, "init", "--quiet", "--initial-branch=master")
    _git(tmp_path, "remote", "add", "origin", "https://github.com/acme/site.git")
    _git(tmp_path, "config", "branch.master.remote", "origin")
    assert service(project(tmp_path))["source"]["branch"] == "master"


def test_worktree_has_the_origin_of_its_repository(tmp_path: Path) -> None:
    main, worktree = tmp_path / "main", tmp_path / "worktree"
    main.mkdir()
    _git(main, "init", "--quiet")
    _git(main, "remote", "add", "origin", "git@github.com:acme/site.git")
    _git(main, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm.", "--allow-empty")
    _git(main, "worktree", "add", "--quiet", str(worktree))
    assert service(project(worktree))["source"]["repo"] == "acme/site"


def _git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("FROM a AS static\n", Dockerfile(True, False), id="a static stage"),
        pytest.param("from a as Static \n", Dockerfile(True, False), id="in any case"),
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
    ],
)
def test_read_dockerfile(text: str, expected: Dockerfile) -> None:
    assert read_dockerfile(text) == expected


def test_health_check_is_in_both_files(tmp_path: Path) -> None:
    assert config(full(tmp_path))["deploy"]["healthcheckPath"] == "/healthz/"
    first, *_ = graph(full(tmp_path))["resources"]
    assert first["deploy"]["healthcheckPath"] == "/healthz/"
    assert "healthcheck.railway.app" in notes(full(tmp_path))
    assert "healthcheck.railway.app" not in notes(project(tmp_path))


@pytest.mark.parametrize(
    ("options", "command"),
    [
        pytest.param(Options(), "a | b", id="railpack, by a shell"),
        pytest.param(
            Options(dockerfile=GENERATED_FOR_RAILWAY), "/bin/sh -c 'a | b'", id="Dockerfile"
        ),
    ],
)
def test_other_processes_use_the_same_build(tmp_path: Path, options: Options, command: str) -> None:
    cron = Process("tidy", "a | b", "0 4 * * *")
    web, worker, tidy = graph(full(tmp_path), replace(options, processes=(cron,)))["resources"]
    assert [item["name"] for item in (web, worker, tidy)] == ["web", "worker", "tidy"]
    assert web["build"] == worker["build"] == tidy["build"]
    assert worker["deploy"] == {"startCommand": "celery -A mysite worker"}
    assert tidy["deploy"] == {
        "startCommand": command,
        "cronSchedule": "0 4 * * *",
        "restartPolicyType": "NEVER",
    }
    assert "railway.json configures web only" in notes(full(tmp_path))


@pytest.mark.parametrize("name", ["service", "def", "1-2", "Web_1", "web-"])
def test_any_process_name_of_a_procfile_is_valid(tmp_path: Path, name: str) -> None:
    others = (Process(name, "a"), Process("web-", "b"))
    result = graph(project(tmp_path), Options(processes=others))["resources"]
    assert [item["name"] for item in result] == list(dict.fromkeys(["web", name, "web-"]))


def test_processes_cannot_be_named_web(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="web is the name of the server process"):
        railway.files(project(tmp_path), Options(processes=(Process("web", "a"),)))


def test_monorepo_builds_and_watches_only_the_project(
    tmp_path: Path,
) -> None:
    _git(tmp_path, "init", "--quiet")
    _git(tmp_path, "remote", "add", "origin", "git@github.com:acme/all.git")
    root = tmp_path / "back end" / "site[1]"
    root.mkdir(parents=True)
    pattern = "/back end/site\\[1]/**"
    assert config(full(root))["build"]["watchPatterns"] == [pattern]
    for item in graph(full(root))["resources"]:
        assert item["build"]["watchPatterns"] == [pattern]
        assert item["source"]["rootDirectory"] == "back end/site[1]"
        assert item["source"]["repo"] == "acme/all"
    assert "Set it to /back end/site[1]" in notes(full(root))


def test_single_project_repository_watches_everything(tmp_path: Path) -> None:
    _git(tmp_path, "init", "--quiet")
    assert "watchPatterns" not in config(project(tmp_path))["build"]


@pytest.mark.parametrize(
    ("options", "deploy"),
    [
        pytest.param(Options(), {"startCommand": f"{COLLECT} && {SERVE}"}, id="the chain"),
        pytest.param(Options(chain="build"), {"startCommand": SERVE}, id="in the build"),
        pytest.param(Options(dockerfile=GENERATED_FOR_RAILWAY), {}, id="a Dockerfile"),
    ],
)
def test_project_without_database_does_not_migrate(
    tmp_path: Path, options: Options, deploy: dict[str, Any]
) -> None:
    """Django's migrate would fail."""
    found = connected(tmp_path, "dummy")
    assert config(found, options)["deploy"] == deploy
    assert (service(found, options).get("deploy") or {}) == deploy
