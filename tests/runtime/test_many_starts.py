"""Eight replicas that start together, fifty times, with each database and driver."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime import databases
from tests.runtime.replicas import CLOCK, MODULE, assert_one_migrated, place, start_together
from tests.runtime.test_sqlite import steps

pytestmark = pytest.mark.exhaustive
REPLICAS = 8
STARTS = 50
START = (*MODULE, "start", "--migrate", "--lock-timeout", "120")


@pytest.fixture(scope="session")
def psycopg2(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A directory for PYTHONPATH with psycopg2, in which Django does not find psycopg 3."""
    directory = tmp_path_factory.mktemp("psycopg2")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--target", str(directory))
    subprocess.run([*pip, "psycopg2-binary"], check=True)
    (directory / "psycopg.py").write_text("raise ImportError\n")
    return str(directory)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("kind", "driver"),
    [
        ("postgresql", "psycopg"),
        ("postgresql", "psycopg2"),
        ("pgbouncer", "psycopg"),
        ("pgbouncer", "psycopg2"),
        ("mariadb", "pymysql"),
        ("mariadb", "mysqlclient"),
    ],
)
def test_each_migration_runs_once(
    kind: str, driver: str, ports: dict[str, int], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    installed = driver in ("psycopg2", "mysqlclient")
    path = request.getfixturevalue(driver) if installed else ""
    for number in range(STARTS):
        database = databases.create(kind, ports[kind])
        where = place(tmp_path / str(number), database.settings, PYTHONPATH=path)
        assert_one_migrated(start_together(where, REPLICAS, *START, *CLOCK), database.steps())
        shutil.rmtree(where.root)


def test_each_migration_runs_once_on_sqlite(tmp_path: Path) -> None:
    for number in range(STARTS):
        where = place(tmp_path / str(number))
        assert_one_migrated(start_together(where, REPLICAS, *START, *CLOCK), steps(where))
