"""Migration locks of PostgreSQL and MariaDB."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from buildstatic.errors import LockFailed, MigrationsFailed
from tests.running import free_port
from tests.runtime.databases import MYSQLCLIENT, Database, each_server, forwarding
from tests.runtime.replicas import (
    CLOCK,
    MODULE,
    ONCE,
    SECONDS,
    Place,
    assert_one_migrated,
    holding,
    place,
    rounds,
    start_together,
)

pytestmark = pytest.mark.engine
START = (*MODULE, "start", "--migrate")


def placed(parent: Path, database: Database, **environ: str) -> Place:
    """Copy the project below *parent*, for *database* and with its driver."""
    return place(parent, database.settings, PYTHONPATH=database.drivers, **environ)


@each_server
@pytest.mark.parametrize("_", range(rounds()))
def test_one_replica_migrates_and_none_serves_before(
    _: int, database: Database, tmp_path: Path
) -> None:
    where = placed(tmp_path, database, SLOW="0.1")
    served = start_together(where, 4, *START, *CLOCK)
    assert_one_migrated(served, database.steps())


@pytest.mark.parametrize("kind", ["pgbouncer"])
def test_transaction_pooling(database: Database, tmp_path: Path) -> None:
    where = placed(tmp_path, database, SLOW="0.1")
    assert_one_migrated(start_together(where, 4, *START, *CLOCK), database.steps())


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("postgresql", signal.SIGKILL),
        ("postgresql", signal.SIGTERM),
        ("pgbouncer", signal.SIGKILL),
        ("mariadb", signal.SIGKILL),
        ("mariadb", signal.SIGTERM),
        (MYSQLCLIENT, signal.SIGKILL),
    ],
)
def test_ended_holder_frees_the_lock(
    number: signal.Signals, database: Database, tmp_path: Path
) -> None:
    where = placed(tmp_path, database)
    with holding(where, "0002", *START, *CLOCK) as holder:
        holder.send_signal(number)
        holder.communicate(timeout=SECONDS)
    assert holder.returncode == (-9 if number is signal.SIGKILL else 143)
    done = where.run(*START, "--lock-timeout", "60", *CLOCK)
    assert done.returncode == 0, done.stderr
    assert [step.name for step in database.steps()] == ONCE


@pytest.mark.parametrize("kind", ["postgresql"])
def test_lock_does_not_block_create_index_concurrently(database: Database, tmp_path: Path) -> None:
    where = placed(tmp_path, database)
    with holding(where, "0002", *START, *CLOCK) as holder:
        waiter = where.start(*START, *CLOCK)
        assert waiter.stderr
        while "waiting for the lock" not in waiter.stderr.readline():
            assert waiter.poll() is None
        database.query("CREATE TABLE other AS SELECT 1 AS x")
        database.query("CREATE INDEX CONCURRENTLY ON other (x)", statement_timeout="60s")
        assert (holder.poll(), waiter.poll()) == (None, None)
        waiter.kill()
        waiter.communicate()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_database_that_starts_later_is_waited_for(database: Database, tmp_path: Path) -> None:
    later = free_port()
    where = placed(tmp_path, replace(database, port=later))
    process = where.start(*MODULE, "release")
    assert process.stderr
    assert f"waiting for the database default (127.0.0.1:{later})" in process.stderr.readline()
    with forwarding(later, database.port):
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert "buildstatic: waited " in err
    assert [step.name for step in database.steps()] == ONCE


@each_server
def test_lock_timeout(database: Database, tmp_path: Path) -> None:
    where = placed(tmp_path, database)
    with holding(where, "0002", *START, *CLOCK):
        done = where.run(*START, "--lock-timeout", "3", *CLOCK)
    assert (done.returncode, done.stdout) == (LockFailed.exit_code, "")
    address = f"127.0.0.1:{database.port}"
    assert f"waiting for the lock of the database default ({address})" in done.stderr
    assert "in 3 s: another process holds it." in done.stderr


@each_server
def test_failed_migration_is_named_and_frees_the_lock(database: Database, tmp_path: Path) -> None:
    where = placed(tmp_path, database)
    done = where.run(*START, *CLOCK, FAIL="0003")
    assert (done.returncode, done.stdout.count("0003_slow")) == (MigrationsFailed.exit_code, 1)
    said = done.stderr.splitlines()[-1]
    assert said.startswith("error: The migration shop.0003_slow failed on default: ")
    assert "site/shop/slow.py:" in said
    assert "ValueError: no luck today." in said
    served = start_together(where, 2, *START, "--lock-timeout", "60", *CLOCK)
    assert_one_migrated(served, database.steps())


@each_server
def test_lost_lock_ends_the_migration(database: Database, tmp_path: Path) -> None:
    where = placed(tmp_path, database)
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
def test_lost_lock_ends_a_process_that_ignores_sigterm(database: Database, tmp_path: Path) -> None:
    where = placed(tmp_path, database)
    deaf = ("/bin/sh", "-c", "trap '' TERM; exec \"$@\"", "sh")
    with holding(where, "0002", *deaf, *START, *CLOCK) as holder:
        database.lose_lock()
        _, err = holder.communicate(timeout=SECONDS)
    assert holder.returncode == LockFailed.exit_code
    assert "was lost during the migration: " in err
