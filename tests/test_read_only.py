"""Reading a project runs nothing of it: ``generate`` and ``check --no-run``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from buildstatic.workflows.targets import TARGETS
from tests.project.tree import project, write

pytestmark = pytest.mark.limited
# Runs the command line, and prints each program that is started.
PROGRAM = """\
import sys

def report(event, arguments):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.spawn"):
        print("started:", arguments[1] if event == "subprocess.Popen" else arguments, flush=True)

sys.addaudithook(report)
from buildstatic.cli import run
sys.exit(run(sys.argv[1:]))
"""
SETTINGS = """\
STATIC_URL = "static/"
STATIC_ROOT = "staticfiles"
INSTALLED_APPS = ["django.contrib.staticfiles", "shop"]
"""


def site_with_canaries(root: Path, canary: Path) -> Path:
    """Write a git repository in which everything that a tool could run creates *canary*."""
    python = f"open({str(canary)!r}, 'w')\n"
    shell = f"#!/bin/sh\n: > {canary}\n"
    node = f'{{"scripts": {{"build": "{canary}", "preinstall": "{canary}"}}}}'
    wsgi = python + "application = None\n"
    project(root, {"mysite/settings.py": python + SETTINGS, "mysite/wsgi.py": wsgi})
    code = ["mysite/urls.py", "mysite/__init__.py", "shop/__init__.py", "shop/apps.py", "setup.py"]
    code += ["conftest.py", "sitecustomize.py", "usercustomize.py", "django/__init__.py", "json.py"]
    code += ["gunicorn.conf.py", ".railway/railway.py", "click.py", "yaml/__init__.py"]
    programs = [".venv/bin/python", "venv/bin/python", "git", "docker", "node", "npm", "uv"]
    programs += ["build.sh", "bin/post_compile", ".husky/pre-commit"]
    write(root, dict.fromkeys(code, python) | dict.fromkeys(programs, shell))
    write(root, {"package.json": node, "package-lock.json": "{}", "requirements.txt": "Django\n"})
    with (root / "manage.py").open("a") as manage:
        manage.write(python)

    hooks = ["fsmonitor", "hooks/post-index-change", "hooks/query-watchman", "pager", "filter"]
    git = ["git", "-C", str(root)]
    write(root, {".gitattributes": "* filter=run diff=run\n", ".gitignore": "/ignored/\n"})
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "--force", "mysite", "requirements.txt"], check=True)
    write(root / ".git", dict.fromkeys(hooks, shell))
    for path in (*(root / name for name in programs), *(root / ".git" / name for name in hooks)):
        path.chmod(0o755)
    values: dict[str, str | Path] = {
        "core.fsmonitor": root / ".git/fsmonitor",
        "core.hooksPath": root / ".git/hooks",
        "core.pager": root / ".git/pager",
        "filter.run.clean": root / ".git/filter",
        "filter.run.process": root / ".git/filter",
        "diff.run.textconv": root / ".git/filter",
        "alias.ls-files": f"!{root / '.git/filter'}",
        "extensions.partialClone": "origin",
        "remote.origin.url": f"ext::{root / '.git/filter'}",
        "remote.origin.promisor": "true",
        "protocol.ext.allow": "always",
    }
    for name, value in values.items():
        subprocess.run([*git, "config", name, value], check=True)
    return root


@pytest.mark.parametrize(
    "arguments",
    [["check", "--no-run", "."], ["generate", *TARGETS, "--force"]],
    ids=["check", "generate"],
)
def test_reading_a_project_runs_nothing_of_it(tmp_path: Path, arguments: list[str]) -> None:
    canary = tmp_path / "canary"
    root = site_with_canaries(tmp_path / "site", canary)
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=root,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    assert not canary.exists()
    started = [line for line in ran.stdout.splitlines() if line.startswith("started:")]
    assert all(line.startswith("started: ['git',") for line in started)
    assert bool(started) == (arguments[0] == "check")
