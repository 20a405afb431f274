"""The database servers: one container, shared by all processes of a run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
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


@pytest.fixture(scope="session")
def mysqlclient(shared: Path) -> str:
    """A directory for PYTHONPATH with mysqlclient, which has no wheels for Linux."""
    headers = any(
        subprocess.run(["pkg-config", "--exists", name]).returncode == 0
        for name in ("mysqlclient", "mariadb", "libmariadb")
        if shutil.which("pkg-config")
    )
    python = Path(sysconfig.get_path("include"), "Python.h")
    if not (headers and python.exists() and shutil.which("cc")):
        pytest.skip("mysqlclient cannot be built: install default-libmysqlclient-dev and gcc.")

    def install() -> str:
        directory = str(shared / "mysqlclient")
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--target", directory)
        subprocess.run([*pip, "mysqlclient"], check=True)
        environ = {**os.environ, "PYTHONPATH": directory}
        subprocess.run([sys.executable, "-c", "import MySQLdb"], env=environ, check=True)
        return directory

    return str(once(shared, "mysqlclient", install))


@pytest.fixture
def database(kind: str, ports: dict[str, int], request: pytest.FixtureRequest) -> Database:
    """A new database in the server of the *kind* that the test is for."""
    if kind == databases.MYSQLCLIENT:
        drivers = request.getfixturevalue("mysqlclient")
        return databases.create("mariadb", ports["mariadb"], drivers)
    return databases.create(kind, ports[kind])
