"""The differential tests of `test_differential_trees` with other versions of Django."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parent.parent.parent
MODULES = (
    "tests/collect/test_called.py",
    "tests/collect/test_census.py",
    "tests/collect/test_differential_trees.py",
    "tests/collect/test_disk_access.py",
)
TOOLS = (
    "pytest>=8.2",
    "hypothesis>=6.100",
    "whitenoise>=6.6",
    "servestatic>=4.4",
    "django-manifeststaticfiles-enhanced>=0.10",
)
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", *MODULES)
# What the package and the module are made of.
SOURCES = ("buildstatic", "tests", "pyproject.toml", "README.md", "LICENSE")


@pytest.mark.exhaustive
def test_random_trees_equal_django_4_2() -> None:
    wanted = ("Django~=4.2.0", *TOOLS)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "uv", "run", "--quiet", "--no-project", "--isolated"),
            *("--python", sys.executable, "--with-editable", str(REPOSITORY)),
            *(part for requirement in wanted for part in ("--with", requirement)),
            *("python", *PYTEST),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


@pytest.mark.exhaustive
@pytest.mark.engine
def test_random_trees_equal_the_newest_django(engine: DockerClient) -> None:
    """Also on a Python that adds more attributes to classes than those of Django 4.2."""
    script = (
        f"cd /src && python -m pip install -q --root-user-action=ignore . 'Django>=6.1' {tools()}"
        f" && python -m tests.collect.data_storages && exec python {' '.join(PYTEST)}"
    )
    with container(engine, script) as made:
        made.put_archive("/", archive())
        made.start()
        status = made.wait(timeout=1800)["StatusCode"]
        assert status == 0, made.logs().decode()[-6000:]


def tools() -> str:
    return " ".join(f"'{tool}'" for tool in TOOLS)


@contextmanager
def container(engine: DockerClient, script: str) -> Iterator[Container]:
    made = engine.containers.create("python:3.13-slim", ["sh", "-c", script])
    try:
        yield made
    finally:
        made.remove(force=True, v=True)


def archive() -> bytes:
    """Return the sources as a tar archive, below ``src/``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in SOURCES:
            tar.add(REPOSITORY / name, f"src/{name}", filter=without_caches)
    return buffer.getvalue()


def without_caches(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if Path(member.name).name in ("__pycache__", "golden", "projects") else member
