"""The database servers: one container, shared by all processes of a run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import RUN
from tests.engine import once, server_image
from tests.runtime import databases
from tests.runtime.databases import Database

if TYPE_CHECKING:
    from docker import DockerClient


@pytest.fixture(scope="session")
def ports(engine: DockerClient, shared: Path, tag: Callable[[str], str]) -> dict[str, int]:
    """The port of each kind of server."""

    def start() -> dict[str, int]:
        image = server_image(shared, "databases", tag("databases"))
        return databases.start(engine, image, {RUN: os.environ[RUN]})

    ports: dict[str, int] = once(shared, "databases", start)
    return ports


@pytest.fixture
def database(kind: str, ports: dict[str, int]) -> Database:
    """A new database in the server of the *kind* that the test is for."""
    return databases.create(kind, ports[kind])
