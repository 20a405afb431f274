"""Replicas on one SQLite database: the lock is a file beside it."""

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
    start_at_once,
)

START = (*MODULE, "start", "--migrate")


def steps(where: Place) -> list[Step]:
    with closing(sqlite3.connect(where.root / "db.sqlite3")) as database:
        return [Step(*row) for row in database.execute(QUERY)]


@pytest.mark.parametrize("_", range(rounds()))
def test_of_eight_replicas_one_migrates_and_none_serves_before(_: int, tmp_path: Path) -> None:
    where = place(tmp_path, SLOW="0.1")
    served = start_at_once(where, 8, *START, *CLOCK)
    assert_one_migrated(served, steps(where))


def test_a_killed_holder_does_not_block(tmp_path: Path) -> None:
    where = place(tmp_path)
    with holding(where, "0002", *START, *CLOCK) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    done = where.run(*START, *CLOCK)
    assert done.returncode == 0, done.stderr
    assert [step.name for step in steps(where)] == ONCE


def test_the_wait_for_the_lock_is_bounded_and_says_so(tmp_path: Path) -> None:
    where = place(tmp_path)
    with holding(where, "0002", *START, *CLOCK):
        done = where.run(*START, "--lock-timeout", "6", *CLOCK)
    assert done.returncode == LockFailed.exit_code
    assert "buildstatic: waiting for the lock of the database default (" in done.stderr
    assert "in 6 s: another process holds it." in done.stderr
    assert done.stdout == ""


def test_release_and_start_do_not_migrate_at_once(tmp_path: Path) -> None:
    where = place(tmp_path)
    with holding(where, "0003", *MODULE, "release"):
        done = where.run(*START, "--lock-timeout", "0", *CLOCK)
    assert done.returncode == LockFailed.exit_code


def test_a_lock_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    where = place(tmp_path)
    (where.root / "db.sqlite3.migrate-lock").mkdir()
    done = where.run(*START, *CLOCK)
    assert (done.returncode, done.stdout) == (LockFailed.exit_code, "")
    assert "db.sqlite3.migrate-lock: Is a directory." in done.stderr


def test_a_database_in_memory_needs_no_lock(tmp_path: Path) -> None:
    done = place(tmp_path, SQLITE=":memory:").run(*START, *CLOCK)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("*lock*")) == []
