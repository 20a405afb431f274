"""The child: it has what the project has and no more, and it does not outlive its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.collect.conftest import Collect
from tests.collect.sites import Site, contents, plain_environ
from tests.running import started

SECONDS = 120  # less than what is slow takes
NOTHING_OF_OURS = """\
import importlib.util
import sys

for name in ("rich", "docker", "jinja2", "pathspec"):
    assert importlib.util.find_spec(name) is None, name
(BASE_DIR / "path.txt").write_text("\\n".join(sys.path))
"""
SLOW = """\
import os
import time

from django.contrib.staticfiles.storage import StaticFilesStorage


class Slow(StaticFilesStorage):
    def post_process(self, paths, dry_run=False, **options):
        with open("pid", "w") as file:
            file.write(str(os.getpid()))
        time.sleep(600)
        yield


class Killed(StaticFilesStorage):
    def post_process(self, paths, dry_run=False, **options):
        os.kill(os.getpid(), 9)
        yield


class Gone(StaticFilesStorage):
    def post_process(self, paths, dry_run=False, **options):
        os._exit(0)
        yield
"""


@pytest.mark.parametrize("python", ["old_click", "uv_made"])
def test_nothing_of_ours_reaches_the_project(
    site: Site, collect: Collect, python: str, request: pytest.FixtureRequest
) -> None:
    chosen: Path = request.getfixturevalue(python)
    site.append(NOTHING_OF_OURS)
    ran = collect(site, "--noinput", "--python", chosen)
    assert ran.code == 0, ran.err
    path = (site.root / "path.txt").read_text().splitlines()
    assert path[0] == str(site.root)
    assert "" not in path
    assert not [entry for entry in path if entry.startswith(sys.prefix + os.sep)]


def test_the_projects_own_click_is_the_one_it_finds(
    site: Site, collect: Collect, old_click: Path
) -> None:
    site.append("import click\nassert click.__version__.startswith('7.')\n")
    assert collect(site, "--noinput", "--python", old_click).code == 0


def slow(site: Site) -> None:
    site.write({"mysite/files.py": SLOW})


@pytest.mark.parametrize("way", ["here", "child"])
@pytest.mark.parametrize(
    ("number", "to_group", "code"),
    [
        pytest.param(signal.SIGINT, True, 130, id="ctrl-c"),
        pytest.param(signal.SIGINT, False, 130, id="interrupt"),
        pytest.param(signal.SIGTERM, False, 143, id="terminate"),
    ],
)
def test_a_signal_ends_everything(
    site: Site, old_click: Path, way: str, number: signal.Signals, to_group: bool, code: int
) -> None:
    slow(site)
    site.storage("mysite.files.Slow")
    options = ("--python", old_click) if way == "child" else ()
    command = (sys.executable, "-m", "buildstatic", "collect", "--noinput", *options)
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL}
    with started(*command, cwd=site.root, env=plain_environ(), **pipes) as process:
        pid = wait_for_pid(site)
        (os.killpg if to_group else os.kill)(process.pid, number)
        _, err = process.communicate(timeout=SECONDS)
        # Without a child, SIGTERM ends Python as it always does.
        assert process.returncode in (code, -number if way == "here" else code)
        assert "Traceback" not in err
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def wait_for_pid(site: Site) -> int:
    file = site.root / "pid"
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if file.exists() and file.read_text():
            return int(file.read_text())
        time.sleep(0.1)
    raise AssertionError("the collecting never began")


def test_a_killed_child_is_said_with_the_signals_name(
    site: Site, collect: Collect, old_click: Path
) -> None:
    slow(site)
    site.storage("mysite.files.Killed")
    ran = collect(site, "--noinput", "--python", old_click)
    assert ran.code == 23
    assert "was killed by SIGKILL. Most often that means that memory ran out." in ran.err


def test_a_child_that_the_project_ends_is_no_success(
    site: Site, collect: Collect, old_click: Path
) -> None:
    slow(site)
    site.storage("mysite.files.Gone")
    ran = collect(site, "--noinput", "--python", old_click)
    assert ran.code == 23
    assert "The project ended the process that collects its files, with status 0." in ran.err


def test_many_warnings_and_long_outcomes_come_through(
    site: Site, collect_in_child: Collect
) -> None:
    files = {f"css/{number}{'x' * 100}.css": str(number) for number in range(400)}
    site.write({f"static/{name}": "" for name in files})
    site.app("shop", files)
    ran = collect_in_child(site, "--noinput", "-v0")
    assert ran.code == 0
    assert ran.err.count("warning: ") == len(files)
    assert ran.out == ""
    assert len(contents(site.tree)) == len(files) + 3
