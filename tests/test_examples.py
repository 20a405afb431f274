"""The example files are what a startproject gets, and they work where they are dropped in.

After a change that is meant: ``GOLDEN_RECORD=1 pytest tests/test_golden.py``, then read the diff.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.cli import run as buildstatic
from buildstatic.project.detect import detect
from buildstatic.project.edits import edits
from tests.engine import serve
from tests.running import SECONDS, assert_page_and_style_sheet, migrations, run, serving
from tests.startproject import edited, startproject

if TYPE_CHECKING:
    from docker import DockerClient

REPOSITORY = Path(__file__).parent.parent
NAMES = ("Dockerfile", "Procfile", "railway.json")


@pytest.fixture
def mysite(tmp_path: Path) -> Path:
    """Return a new startproject with the edits that are printed for it."""
    return edited(startproject(tmp_path))


@pytest.fixture
def in_production(mysite: Path) -> Path:
    """Return the same with DEBUG off, without which Django names no fingerprints."""
    settings = mysite / "mysite" / "settings.py"
    text = settings.read_text()
    assert "\nDEBUG = True\n" in text
    settings.write_text(text.replace("\nDEBUG = True\n", "\nDEBUG = False\n"))
    return mysite


def drop(name: str, root: Path) -> Path:
    """Copy the example of *name* into *root* and return the copy."""
    return Path(shutil.copy(REPOSITORY / f"{name}.example", root / name))


def test_after_the_edits_nothing_is_needed_any_more(mysite: Path) -> None:
    assert edits(detect(mysite, environ={})) == ()


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_what_is_generated_for_a_startproject(name: str, mysite: Path) -> None:
    assert buildstatic(["generate", "--path", str(mysite)]) == 0
    assert (REPOSITORY / f"{name}.example").read_bytes() == (mysite / name).read_bytes()


def test_there_is_no_other_example() -> None:
    assert {path.name for path in REPOSITORY.glob("*.example")} == {f"{n}.example" for n in NAMES}


@pytest.mark.engine
def test_the_dockerfile_builds_with_plain_docker_and_answers(
    in_production: Path, tmp_path: Path, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    drop("Dockerfile", in_production)
    wheels = tmp_path / "dist"
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", wheels, REPOSITORY], check=True)
    docker = ["docker", "buildx", "build", "--quiet", "--load", f"--tag={tag('example')}"]
    context = [f"--build-context=buildstatic-wheels={wheels}", "."]
    subprocess.run([*docker, *context], cwd=in_production, check=True)
    with serve(engine, tag("example")) as served:
        assert_page_and_style_sheet(served.url)


def test_honcho_runs_the_procfiles_release_to_its_end_and_then_web(in_production: Path) -> None:
    drop("Procfile", in_production)
    run(in_production, "python", "manage.py", "collectstatic", "--noinput")  # the buildpack's part
    run(in_production, "honcho", "start", "release")
    assert migrations(in_production) > 0
    with serving(in_production, ["honcho", "start", "web"]) as (url, _):
        assert_page_and_style_sheet(url)


def test_railways_start_command_serves_from_a_fresh_checkout(in_production: Path) -> None:
    deploy = json.loads(drop("railway.json", in_production).read_text())["deploy"]
    assert list(deploy) == ["startCommand"]
    with serving(in_production, ["sh", "-c", deploy["startCommand"]]) as (url, process):
        assert_page_and_style_sheet(url)
        assert migrations(in_production) > 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


def test_the_demo_makes_the_layer_and_serves_its_files_where_there_is_no_docker() -> None:
    environ = {**os.environ, "DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    command = [sys.executable, str(REPOSITORY / "examples/demo.py")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"fingerprinted http://127\.0\.0\.1:\d+/\S+\.[0-9a-f]{12}\.css\n", done.stdout)
    assert re.search(r"static files are one layer: sha256:[0-9a-f]{64}\n", done.stdout)
