"""Fixtures that every test may use: the engine, image tags, and a directory that one run shares."""

from __future__ import annotations

import compileall
import os
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docker.errors import APIError
from hypothesis import HealthCheck, settings

from tests.engine import REPOSITORY, connect
from tests.limits import limited

if TYPE_CHECKING:
    from docker import DockerClient

PACKAGE = Path(__file__).parent.parent / "buildstatic"
# Inherited by the workers of pytest-xdist, so that all of them know the run they belong to.
RUN = "BUILDSTATIC_TEST_RUN"

# Derandomized, so that a run on a slow machine tries the same examples. `make test-all` selects
# "many" with --hypothesis-profile, `make fuzz` other examples each time.
for name, examples in {"default": 30, "many": 400, "fuzz": 4_000}.items():
    settings.register_profile(
        name,
        deadline=None,
        derandomize=name != "fuzz",
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
settings.load_profile("default")

OWNS_RUN = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Name the run in the controller process; xdist workers and nested runs inherit the name.

    Bytecode is written for the package and the tests only: that of a project would hide an edit
    within the same second.
    """
    config.stash[OWNS_RUN] = RUN not in os.environ
    os.environ.setdefault(RUN, uuid.uuid4().hex[:8])
    # A shell has background commands ignore the signal, and tests send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = False
    if config.stash[OWNS_RUN]:
        compileall.compile_dir(PACKAGE, quiet=2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run engine tests first: the short ones at the end leave no worker without work."""
    items.sort(key=lambda item: item.get_closest_marker("engine") is None)


def pytest_collection_finish() -> None:
    """From here on, what is imported may be a project's."""
    sys.dont_write_bytecode = True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Apply the limits of the marker."""
    if marker := item.get_closest_marker("limited"):
        with limited(**marker.kwargs):
            return (yield)
    return (yield)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the shared directory, containers and images when the controller process ends."""
    if session.config.stash[OWNS_RUN] and _shared_directory().exists():
        shutil.rmtree(_shared_directory())
        _remove_containers_and_images()


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerClient]:
    """A client of the Docker engine; skips the test if there is no engine."""
    with closing(connect()) as client:
        yield client


@pytest.fixture(scope="session")
def shared(engine: DockerClient) -> Path:  # noqa: ARG001 - only engine tests share anything
    """A directory that all processes of this run share."""
    _shared_directory().mkdir(exist_ok=True)
    return _shared_directory()


@pytest.fixture(scope="session")
def tag(shared: Path) -> Callable[[str], str]:  # noqa: ARG001 - its existence triggers the cleanup
    """A function from a name to an image tag that is removed when the run ends."""
    return lambda name: f"{REPOSITORY}:{name}-{os.environ[RUN]}"


def _shared_directory() -> Path:
    return Path(tempfile.gettempdir(), f"{REPOSITORY}-{os.environ[RUN]}")


def _remove_containers_and_images() -> None:
    with closing(connect()) as client:
        label = f"{RUN}={os.environ[RUN]}"
        for container in client.containers.list(all=True, filters={"label": label}):
            container.remove(force=True, v=True)
        for image in client.images.list(filters={"reference": f"{REPOSITORY}:*{os.environ[RUN]}"}):
            # Equal images of several runs are one image with several tags.
            for name in image.tags:
                if name.endswith(os.environ[RUN]):
                    with suppress(APIError):
                        client.images.remove(name)
