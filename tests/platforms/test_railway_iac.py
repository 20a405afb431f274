"""railway.py, evaluated with Railway's SDK: what it declares, and what it leaves as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildstatic.platforms import railway_iac
from buildstatic.platforms.options import Options
from buildstatic.project import Process, Project
from buildstatic.templates import GeneratedFile
from tests.platforms.projects import (
    AWKWARD,
    CUSTOM,
    DEFAULTS,
    GENERATED_FOR_RAILWAY,
    full,
    production,
    project,
    remote,
)
from tests.platforms.sdk import evaluated, without_source
from tests.platforms.test_railway import BUILD, legacy

PRESERVED = {"type": "preserve"}


def graph(found: Project, options: Options = DEFAULTS) -> dict[str, Any]:
    """Return what Railway's SDK makes of railway.py."""
    (file,) = railway_iac.files(found, options)
    return evaluated(found.root, file)


def service(found: Project, options: Options = DEFAULTS) -> dict[str, Any]:
    (only,) = graph(found, options)["resources"]
    assert isinstance(only, dict)
    return only


@pytest.mark.parametrize(
    ("is_remote", "options"),
    [
        pytest.param(False, DEFAULTS, id="the whole chain"),
        pytest.param(False, BUILD, id="collected in the build"),
        pytest.param(False, Options(dockerfile=GENERATED_FOR_RAILWAY), id="a static stage"),
        pytest.param(False, Options(dockerfile=CUSTOM), id="a Dockerfile that does not collect"),
        pytest.param(True, DEFAULTS, id="remote"),
    ],
)
def test_build_and_deploy_settings_equal_railway_json(
    tmp_path: Path, is_remote: bool, options: Options
) -> None:
    found = remote(tmp_path) if is_remote else project(tmp_path)
    node, parsed = service(found, options), legacy(found, options)
    assert node["name"] == "web"
    assert node["build"] == parsed["build"]
    assert {key: value for key, value in node["deploy"].items() if value} == parsed["deploy"]


def test_variables_of_the_settings_are_preserved(tmp_path: Path) -> None:
    """A variable that is not declared is deleted."""
    web, worker = graph(full(tmp_path))["resources"]
    names = ("ALLOWED_HOSTS", "DATABASE_URL", "PAYMENTS_URL", "SECRET_KEY")
    more = ("DJANGO_SETTINGS_MODULE", *railway_iac.OPERATIONAL)
    assert web["variables"] == worker["variables"] == dict.fromkeys((*names, *more), PRESERVED)


def test_settings_module_is_set_unless_manage_py_sets_it(tmp_path: Path) -> None:
    module = {"type": "literal", "value": "mysite.settings.production"}
    for found, expected in ((production(tmp_path), module), (project(tmp_path), PRESERVED)):
        assert service(found)["variables"]["DJANGO_SETTINGS_MODULE"] == expected
        notes = " ".join(railway_iac.files(found, DEFAULTS)[0].notes)
        assert ("set the variable DJANGO_SETTINGS_MODULE" in notes) is (expected == module)


# What Railway's CLI runs (github.com/railwayapp/cli, src/iac/eval.rs): without a context, or with
# what later versions say, and the name of the part. Resources that it does not declare stay.
EVALUATE = """
import importlib.util, json, sys
from railway_sdk import create_railway_context
spec = importlib.util.spec_from_file_location("given", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
contexts = map(create_railway_context, map(json.loads, sys.argv[2:]))
print(json.dumps({"partial": module.PARTIAL, "project": module.main(*contexts).to_graph()}))
"""
FEATURES = ("variables-policy", "environments", "pr-context", "environment-owned-branch")
LATER = {"command": "plan", "environment": "production", "pr": None, "features": FEATURES}


def test_later_cli_leaves_variables_and_branch_alone(tmp_path: Path) -> None:
    _git(tmp_path, "init", "--quiet")
    _git(tmp_path, "remote", "add", "origin", "https://github.com/acme/site.git")
    (file,) = railway_iac.files(full(tmp_path), DEFAULTS)
    (tmp_path / "railway.py").write_text(without_source(file.text))
    command = [sys.executable, "-c", EVALUATE, "railway.py", json.dumps(LATER)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    printed, before = json.loads(done.stdout)["project"], graph(full(tmp_path))
    assert "variables" not in before
    assert printed.pop("variables") == {"managed": False}
    for item in before["resources"]:
        assert item.pop("variables")
        assert item["source"].pop("branch") == "main"
    assert printed == before


@pytest.mark.parametrize("name", ["site", *AWKWARD, "---"])
def test_cli_evaluates_a_part_of_the_project(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    root.mkdir()
    (file,) = railway_iac.files(full(root), DEFAULTS)
    (tmp_path / "railway.py").write_text(without_source(file.text))
    command = [sys.executable, "-c", EVALUATE, "railway.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    printed = json.loads(done.stdout)
    assert printed["project"] == graph(full(root))
    assert 0 < len(printed["partial"]) <= 64
    assert set(printed["partial"]) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_plan_comes_before_apply(tmp_path: Path) -> None:
    (file,) = railway_iac.files(project(tmp_path), DEFAULTS)
    for text in (file.text, " ".join(file.notes)):
        assert "railway config plan" in text
        assert "railway config pull" in text
        assert "delete" in text


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
    assert "s3cret" not in railway_iac.files(project(tmp_path), DEFAULTS)[0].text


@pytest.mark.parametrize("existing", [(), (("web", "railway.json"),)])
def test_source_is_never_left_out(tmp_path: Path, existing: tuple[tuple[str, str], ...]) -> None:
    (tmp_path / "railway.json").write_text("{}")
    options = replace(DEFAULTS, existing=existing)
    text = railway_iac.files(project(tmp_path), options)[0].text
    with pytest.raises(SystemExit, match="set SOURCE"):
        evaluated(tmp_path, GeneratedFile(".railway/railway.py", text.replace("...", "Ellipsis")))
    text = text.replace("SOURCE = ...", 'SOURCE = github("acme/site")')
    graph = evaluated(tmp_path, GeneratedFile(".railway/railway.py", text))
    assert graph["resources"][0]["source"]["repo"] == "acme/site"


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


@pytest.mark.parametrize("name", ["service", "env", "def", "1-2", "Web_1", "web-"])
def test_any_process_name_of_a_procfile_is_valid(tmp_path: Path, name: str) -> None:
    others = (Process(name, "a"), Process("web-", "b"))
    result = graph(project(tmp_path), Options(processes=others))["resources"]
    assert [item["name"] for item in result] == list(dict.fromkeys(["web", name, "web-"]))


def test_health_check_is_declared(tmp_path: Path) -> None:
    web, _ = graph(full(tmp_path))["resources"]
    assert web["deploy"]["healthcheckPath"] == "/healthz/"


def test_monorepo_builds_and_watches_only_the_project(tmp_path: Path) -> None:
    _git(tmp_path, "init", "--quiet")
    _git(tmp_path, "remote", "add", "origin", "git@github.com:acme/all.git")
    root = tmp_path / "back end" / "site[1]"
    root.mkdir(parents=True)
    for item in graph(full(root))["resources"]:
        assert item["build"]["watchPatterns"] == ["/back end/site\\[1]/**"]
        assert item["source"]["rootDirectory"] == "back end/site[1]"
        assert item["source"]["repo"] == "acme/all"
