"""Collecting in a child process: what it can import, and how it ends."""

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

pytestmark = pytest.mark.slow

SECONDS = 120  # less than the slow storage takes
IMPORTS = """\
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


def test_child_cannot_import_buildstatics_packages(
    site: Site, collect: Collect, uv_made: Path
) -> None:
    site.append(IMPORTS)
    ran = collect(site, "--noinput", "--python", uv_made)
    assert ran.code == 0, ran.err
    path = (site.root / "path.txt").read_text().splitlines()
    assert path[0] == str(site.root)
    assert "" not in path
    assert not [entry for entry in path if entry.startswith(sys.prefix + os.sep)]


def test_project_imports_its_own_click(site: Site, collect: Collect, old_click: Path) -> None:
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
def test_signal_ends_parent_and_child(
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
        time.sleep(0.02)
    raise AssertionError("collecting did not begin")


def test_killed_child_is_reported_with_its_signal(
    site: Site, collect: Collect, old_click: Path
) -> None:
    slow(site)
    site.storage("mysite.files.Killed")
    ran = collect(site, "--noinput", "--python", old_click)
    assert ran.code == 23
    assert "was killed by SIGKILL. The machine may have run out of memory." in ran.err


def test_child_that_exits_early_is_an_error(site: Site, collect: Collect, old_click: Path) -> None:
    slow(site)
    site.storage("mysite.files.Gone")
    ran = collect(site, "--noinput", "--python", old_click)
    assert ran.code == 23
    assert "The project ended the collecting process with status 0." in ran.err


def test_many_warnings_and_a_long_result_are_received(
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
