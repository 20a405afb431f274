"""The migration lock of SQLite, a file next to the database."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from buildstatic.errors import LockFailed
from tests.runtime.replicas import (
    CLOCK,
    MODULE,
    ONCE,
    QUERY,
    Place,
    Step,
    assert_one_migrated,
    holding,
    place,
    rounds,
    start_together,
)

pytestmark = pytest.mark.slow

START = (*MODULE, "start", "--migrate")


def steps(where: Place) -> list[Step]:
    with closing(sqlite3.connect(where.root / "db.sqlite3")) as database:
        return [Step(*row) for row in database.execute(QUERY)]


@pytest.mark.parametrize("_", range(rounds()))
def test_one_replica_migrates_and_none_serves_before(_: int, tmp_path: Path) -> None:
    where = place(tmp_path, SLOW="0.1")
    served = start_together(where, 4, *START, *CLOCK)
    assert_one_migrated(served, steps(where))


def test_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    where = place(tmp_path)
    with holding(where, "0002", *START, *CLOCK) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    done = where.run(*START, *CLOCK)
    assert done.returncode == 0, done.stderr
    assert [step.name for step in steps(where)] == ONCE


def test_lock_timeout(tmp_path: Path) -> None:
    where = place(tmp_path)
    with holding(where, "0002", *START, *CLOCK):
        done = where.run(*START, "--lock-timeout", "3", *CLOCK)
    assert done.returncode == LockFailed.exit_code
    assert "buildstatic: waiting for the lock of the database default (" in done.stderr
    assert "in 3 s: another process holds it." in done.stderr
    assert done.stdout == ""


def test_release_and_start_share_the_lock(tmp_path: Path) -> None:
    where = place(tmp_path)
    with holding(where, "0003", *MODULE, "release"):
        done = where.run(*START, "--lock-timeout", "0", *CLOCK)
    assert done.returncode == LockFailed.exit_code


def test_lock_file_that_cannot_be_created(tmp_path: Path) -> None:
    where = place(tmp_path)
    (where.root / "db.sqlite3.migrate-lock").mkdir()
    done = where.run(*START, *CLOCK)
    assert (done.returncode, done.stdout) == (LockFailed.exit_code, "")
    assert "db.sqlite3.migrate-lock: Is a directory." in done.stderr


def test_in_memory_database_needs_no_lock(tmp_path: Path) -> None:
    done = place(tmp_path, SQLITE=":memory:").run(*START, *CLOCK)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("*lock*")) == []
