"""Replicas on one PostgreSQL or MariaDB: the lock is the database's own."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from buildstatic.errors import LockFailed, MigrationsFailed
from tests.running import free_port
from tests.runtime.databases import Database, each_server, forwarding
from tests.runtime.replicas import (
    CLOCK,
    MODULE,
    ONCE,
    SECONDS,
    assert_one_migrated,
    holding,
    place,
    rounds,
    start_at_once,
)

pytestmark = pytest.mark.engine
START = (*MODULE, "start", "--migrate")


@each_server
@pytest.mark.parametrize("_", range(rounds()))
def test_of_eight_replicas_one_migrates_and_none_serves_before(
    _: int, database: Database, tmp_path: Path
) -> None:
    where = place(tmp_path, database.settings, SLOW="0.1")
    served = start_at_once(where, 8, *START, *CLOCK)
    assert_one_migrated(served, database.steps())


@pytest.mark.parametrize("kind", ["pgbouncer"])
def test_a_pooler_that_shares_sessions_changes_nothing(database: Database, tmp_path: Path) -> None:
    where = place(tmp_path, database.settings, SLOW="0.1")
    assert_one_migrated(start_at_once(where, 4, *START, *CLOCK), database.steps())


@pytest.mark.parametrize("kind", ["postgresql", "pgbouncer", "mariadb"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda it: it.name)
def test_a_holder_that_is_ended_does_not_block(
    number: signal.Signals, database: Database, tmp_path: Path
) -> None:
    where = place(tmp_path, database.settings)
    with holding(where, "0002", *START, *CLOCK) as holder:
        holder.send_signal(number)
        holder.communicate(timeout=SECONDS)
    assert holder.returncode == (-9 if number is signal.SIGKILL else 143)
    done = where.run(*START, "--lock-timeout", "60", *CLOCK)
    assert done.returncode == 0, done.stderr
    assert [step.name for step in database.steps()] == ONCE


@pytest.mark.parametrize("kind", ["postgresql"])
def test_an_index_is_built_concurrently_while_some_hold_and_others_want_the_lock(
    database: Database, tmp_path: Path
) -> None:
    where = place(tmp_path, database.settings)
    with holding(where, "0002", *START, *CLOCK) as holder:
        waiter = where.start(*START, *CLOCK)
        assert waiter.stderr
        while "waiting for the lock" not in waiter.stderr.readline():
            assert waiter.poll() is None
        database.ask("CREATE TABLE other AS SELECT 1 AS x")
        database.ask("CREATE INDEX CONCURRENTLY ON other (x)", statement_timeout="60s")
        assert (holder.poll(), waiter.poll()) == (None, None)
        waiter.kill()
        waiter.communicate()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_database_that_comes_up_later_is_waited_for(database: Database, tmp_path: Path) -> None:
    later = free_port()
    where = place(tmp_path, {**database.settings, "PORT": str(later)})
    process = where.start(*MODULE, "release")
    assert process.stderr
    assert f"waiting for the database default (127.0.0.1:{later})" in process.stderr.readline()
    with forwarding(later, database.port):
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert "buildstatic: waited " in err
    assert [step.name for step in database.steps()] == ONCE


@each_server
def test_the_wait_for_the_lock_is_bounded_and_says_so(database: Database, tmp_path: Path) -> None:
    where = place(tmp_path, database.settings)
    with holding(where, "0002", *START, *CLOCK):
        done = where.run(*START, "--lock-timeout", "6", *CLOCK)
    assert (done.returncode, done.stdout) == (LockFailed.exit_code, "")
    address = f"127.0.0.1:{database.port}"
    assert f"waiting for the lock of the database default ({address})" in done.stderr
    assert "in 6 s: another process holds it." in done.stderr


@each_server
def test_a_migration_that_fails_is_named_and_frees_the_lock(
    database: Database, tmp_path: Path
) -> None:
    where = place(tmp_path, database.settings)
    done = where.run(*START, *CLOCK, FAIL="0003")
    assert (done.returncode, done.stdout.count("0003_slow")) == (MigrationsFailed.exit_code, 1)
    said = done.stderr.splitlines()[-1]
    assert said.startswith("error: The migration shop.0003_slow failed on default: ")
    assert "site/shop/slow.py:" in said
    assert "ValueError: no luck today." in said
    served = start_at_once(where, 2, *START, "--lock-timeout", "60", *CLOCK)
    assert_one_migrated(served, database.steps())


@each_server
def test_nobody_migrates_without_the_lock(database: Database, tmp_path: Path) -> None:
    where = place(tmp_path, database.settings)
    with holding(where, "0002", *START, *CLOCK) as holder:
        database.lose_lock()
        out, err = holder.communicate(timeout=SECONDS)
    assert (holder.returncode, "Applying shop.0002_slow... OK" in out) == (
        LockFailed.exit_code,
        False,
    )
    assert "was lost during the migration: " in err
    assert where.run(*START, *CLOCK).returncode == 0
    assert [step.name for step in database.steps()] == ONCE


@each_server
def test_nobody_migrates_without_the_lock_who_ignores_signals(
    database: Database, tmp_path: Path
) -> None:
    where = place(tmp_path, database.settings)
    deaf = ("/bin/sh", "-c", "trap '' TERM; exec \"$@\"", "sh")
    with holding(where, "0002", *deaf, *START, *CLOCK) as holder:
        database.lose_lock()
        _, err = holder.communicate(timeout=20)
    assert holder.returncode == LockFailed.exit_code
    assert "was lost during the migration: " in err
