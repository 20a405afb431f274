"""The servers of databases, one container for a process of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.runtime import databases
from tests.runtime.databases import Database

if TYPE_CHECKING:
    from docker import DockerClient


@pytest.fixture(scope="session")
def ports(
    engine: DockerClient, shared: Path, tag: Callable[[str], str]
) -> Iterator[dict[str, int]]:
    """Where each kind of server answers."""
    with databases.serving(engine, databases.image(shared, tag("databases"))) as ports:
        yield ports


@pytest.fixture
def database(kind: str, ports: dict[str, int]) -> Database:
    """A database of its own, in the server of the *kind* that the test is for."""
    return databases.create(kind, ports[kind])
