"""Fixtures of every test: the engine, and what the processes of one run share."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docker.errors import APIError
from hypothesis import HealthCheck, settings

from tests.engine import REPOSITORY, connect

if TYPE_CHECKING:
    from docker import DockerClient

# Inherited by the workers of pytest-xdist, so that one run has one name.
RUN = "BUILDSTATIC_TEST_RUN"
# What a busy machine takes long for is no failure, and each run tries the same.
settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("steady")

IS_OURS = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Name the run, in the process that starts it: not in its workers, nor in a run within it."""
    config.stash[IS_OURS] = RUN not in os.environ
    os.environ.setdefault(RUN, uuid.uuid4().hex[:8])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove what the run shared, when its last process is done."""
    if session.config.stash[IS_OURS] and _shared().exists():
        shutil.rmtree(_shared())
        _remove_images()


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerClient]:
    """Return a client of the Docker engine, or skip."""
    with closing(connect()) as client:
        yield client


@pytest.fixture(scope="session")
def shared(engine: DockerClient) -> Path:  # noqa: ARG001 - nothing is shared without one
    """Return a directory that all processes of this run share."""
    _shared().mkdir(exist_ok=True)
    return _shared()


@pytest.fixture(scope="session")
def tag(shared: Path) -> Callable[[str], str]:  # noqa: ARG001 - marks what is to be removed
    """Return a function from a name to the tag of an image, removed when the run ends."""
    return lambda name: f"{REPOSITORY}:{name}-{os.environ[RUN]}"


def _shared() -> Path:
    return Path(tempfile.gettempdir(), f"{REPOSITORY}-{os.environ[RUN]}")


def _remove_images() -> None:
    with closing(connect()) as client:
        for image in client.images.list(filters={"reference": f"{REPOSITORY}:*{os.environ[RUN]}"}):
            # Equal images are one, with the names that other runs have for it.
            for name in image.tags:
                if name.endswith(os.environ[RUN]):
                    with suppress(APIError):
                        client.images.remove(name)
