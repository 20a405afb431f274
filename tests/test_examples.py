"""The ``*.example`` files work in a startproject, and ``examples/`` runs.

They are what is generated for it, so `tests/platforms/test_runs.py` runs all but the Dockerfile.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.builders.wheel import make_wheel
from buildstatic.project.detect import detect
from buildstatic.project.edits import edits
from tests.engine import serve
from tests.running import assert_page_and_style_sheet
from tests.samples import copy
from tests.startproject import edited, startproject

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parent.parent
NAMES = ("Dockerfile", "Procfile", "railpack.json", "railway.json")


@pytest.fixture
def mysite(tmp_path: Path) -> Path:
    """A startproject with the edits that buildstatic prints for it."""
    return edited(startproject(tmp_path))


@pytest.fixture
def in_production(mysite: Path) -> Path:
    """The same project with DEBUG off, so that Django uses fingerprinted names."""
    settings = mysite / "mysite" / "settings.py"
    text = settings.read_text()
    assert "\nDEBUG = True\n" in text
    settings.write_text(text.replace("\nDEBUG = True\n", "\nDEBUG = False\n"))
    return mysite


def drop(name: str, root: Path) -> Path:
    """Copy the example of *name* to *root* and return the copy."""
    return Path(shutil.copy(REPOSITORY / f"{name}.example", root / name))


def test_no_edit_is_needed_after_the_printed_edits(mysite: Path) -> None:
    assert edits(detect(mysite, environ={})) == ()


def test_every_example_is_tested() -> None:
    assert {path.name for path in REPOSITORY.glob("*.example")} == {f"{n}.example" for n in NAMES}


@pytest.mark.engine
def test_dockerfile_builds_with_plain_docker(
    in_production: Path, tmp_path: Path, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    drop("Dockerfile", in_production)
    wheels = tmp_path / "dist"
    wheels.mkdir()
    make_wheel(wheels)
    docker = ["docker", "buildx", "build", "--quiet", "--load", f"--tag={tag('example')}"]
    context = [f"--build-context=buildstatic-wheels={wheels}", "."]
    subprocess.run([*docker, *context], cwd=in_production, check=True)
    with serve(engine, tag("example")) as served:
        assert_page_and_style_sheet(served.url)


def test_the_example_site_passes_its_own_tests(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "manage.py", "test"],
        cwd=copy("site", tmp_path),
        env={**os.environ, "DJANGO_SECRET_KEY": "only-for-this-test"},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr


def test_demo_works_without_docker() -> None:
    environ = {**os.environ, "DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    command = [sys.executable, str(REPOSITORY / "examples/demo.py")]
    process = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert re.search(r"http://127\.0\.0\.1:\d+/\S+\.[0-9a-f]{12}\.css\n", process.stdout)
    assert re.search(r"static layer: sha256:[0-9a-f]{64}\n", process.stdout)
