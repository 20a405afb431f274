"""The lock under which one of several processes migrates a database while the others wait.

A thread owns the lock's connection: it takes the lock, shows every `CHECK` seconds that its holder
is alive, and ends the process if the lock is lost. The main thread waits, and handles signals.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from buildstatic.errors import BuildstaticError, LockFailed, LockUnsupported
from buildstatic.runtime import databases, signals
from buildstatic.runtime.log import log, reason

KEY = "buildstatic migrate"
# Seconds.
IDLE = 120  # A server frees the lock of a client that is silent for so long.
PAUSE = 0.2
CHECK = 5.0
FIRST_LOG = 1.0
REPEAT_LOG = 30.0
FIRST_ANSWER = 10.0
RELEASE = 5.0
NO_ANSWER = "no answer yet"


class DatabaseLock(Protocol):
    """A lock with its own connection, used in one thread.

    Closing the connection frees it; so does the database when its holder is gone, within `IDLE`.
    """

    def take(self) -> bool:
        """Try once to take the lock, without waiting; return whether it was taken."""

    def check(self) -> None:
        """Raise an exception if the lock is lost, and show that its holder is alive."""

    def free(self) -> None:
        """Free the lock, if it was taken, and close the connection."""


class PostgreSQLLock:
    """An advisory lock of a transaction (postgresql.org/docs/current/explicit-locking.html).

    Of a transaction, not of a session: a pooler that shares sessions (PgBouncer with pool_mode
    transaction) keeps a transaction on one session and ends it when its client is gone. The
    transaction is READ COMMITTED, so that it holds no snapshot between statements, for which CREATE
    INDEX CONCURRENTLY would wait. The statement of ``check`` takes none either.
    """

    # The server ends the transaction when its client is silent or its host has vanished.
    TIMEOUTS = (
        f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE}s'",
        "SET LOCAL tcp_keepalives_idle = 30",
        "SET LOCAL tcp_keepalives_interval = 10",
        "SET LOCAL tcp_keepalives_count = 3",
    )

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def take(self) -> bool:
        """Try to take the lock; a transaction that did not get it is rolled back at once."""
        with self.connection.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            cursor.execute("SELECT current_database()")
            key = int.from_bytes(_digest(cursor.fetchone()[0])[:8], signed=True)
            cursor.execute(f"SELECT pg_try_advisory_xact_lock({key})")
            if not cursor.fetchone()[0]:
                cursor.execute("ROLLBACK")
                return False
            for statement in self.TIMEOUTS:
                cursor.execute(statement)
            if self.connection.pg_version >= 170000:
                cursor.execute("SET LOCAL transaction_timeout = 0")
            return True

    def check(self) -> None:
        """Run a statement; it fails if the transaction was ended."""
        with self.connection.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")

    def free(self) -> None:
        """End the transaction by closing its connection."""
        self.connection.close()


class MySQLLock:
    """GET_LOCK of MySQL and MariaDB, which a session holds in the whole server."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.name = ""

    def take(self) -> bool:
        """Try to take the lock, in a session that ends when its client is silent."""
        with self.connection.cursor() as cursor:
            cursor.execute(f"SET SESSION wait_timeout = {IDLE}")
            cursor.execute("SELECT DATABASE()")
            self.name = mysql_lock_name(cursor.fetchone()[0] or "")
            cursor.execute("SELECT GET_LOCK(%s, 0)", [self.name])
            return bool(cursor.fetchone()[0])

    def check(self) -> None:
        """Ask the server whether this connection still holds the lock."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT IS_USED_LOCK(%s) = CONNECTION_ID()", [self.name])
            if not cursor.fetchone()[0]:
                raise RuntimeError("another session holds it")

    def free(self) -> None:
        """End the session."""
        self.connection.close()


class SQLiteLock:
    """A lock file in the database's directory: ``flock``, freed by the kernel with its process.

    The database file itself is not locked: closing any descriptor of it loses SQLite's own locks
    (sqlite.org/howtocorrupt.html, 2.2). The lock file is kept: removing it would
    let two processes lock.
    """

    SUFFIX = ".migrate-lock"

    def __init__(self, connection: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA database_list")
            database = next(row[2] for row in cursor.fetchall() if row[1] == "main")
        connection.close()
        self.path = f"{database}{self.SUFFIX}" if database else None
        self.descriptor: int | None = None

    def take(self) -> bool:
        """Try to take the lock; an in-memory database needs none. Raises `LockFailed`."""
        if self.path is None:
            return True
        try:
            if self.descriptor is None:
                self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            problem = f"Cannot lock {self.path}: {error.strerror}."
            raise LockFailed(problem, "Make the directory of the database writable.") from error
        return True

    def check(self) -> None:
        """Do nothing: a living process does not lose the lock."""

    def free(self) -> None:
        """Close the lock file."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


LOCKS: dict[str, type[PostgreSQLLock] | type[MySQLLock] | type[SQLiteLock]] = {
    "postgresql": PostgreSQLLock,
    "mysql": MySQLLock,
    "sqlite": SQLiteLock,
}


def check_vendor(vendor: str) -> None:
    """Raise `LockUnsupported` if there is no lock for *vendor*, Django's name."""
    if vendor not in LOCKS:
        problem = f"Migration locks are not supported on {vendor}, only on {', '.join(LOCKS)}."
        raise LockUnsupported(problem, "Migrate in one place, with `buildstatic release`.")


def mysql_lock_name(database: str) -> str:
    """Return the name of the lock of *database*, which is unique in the server.

    It may have 64 characters (dev.mysql.com/doc/refman/8.4/en/locking-functions.html).
    """
    return f"buildstatic {_digest(database).hex()[:32]}"


def _digest(database: str) -> bytes:
    return hashlib.sha256(f"{KEY} {database}".encode()).digest()


@contextmanager
def migration_lock(alias: str, timeout: float) -> Iterator[None]:
    """Hold the lock of the database *alias* in the block; wait at most *timeout* seconds for it.

    The first answer of the database may take longer. Raises `LockFailed` after the timeout, or
    `DatabaseInvalid`. If the lock is lost in the block, the process ends with the exit code of
    `LockFailed`, since no process may migrate without it.
    """
    holder = _Holder(alias)
    holder.start()
    try:
        _wait_for_lock(holder, timeout)
        yield
    finally:
        holder.stop.set()
        holder.join(RELEASE)


def _wait_for_lock(holder: _Holder, timeout: float) -> None:
    began = time.monotonic()
    logged_at = began - REPEAT_LOG + FIRST_LOG
    while not holder.settled.wait(PAUSE):
        now = time.monotonic()
        limit = max(timeout, FIRST_ANSWER) if holder.why is NO_ANSWER else timeout
        if now - began >= limit:
            where = databases.describe(holder.alias)
            problem = f"Could not lock {where} in {timeout:g} s: {holder.why}."
            raise LockFailed(problem, "Increase --lock-timeout.")
        if now - logged_at >= REPEAT_LOG:
            log(f"waiting for the lock of {databases.describe(holder.alias)}: {holder.why}")
            logged_at = now
    if holder.error is not None:
        raise holder.error
    if logged_at >= began:
        log(f"waited {time.monotonic() - began:.1f} s for the lock")


class _Holder(threading.Thread):
    """Takes the lock of a database, and holds it until *stop* is set.

    *settled* is set when the lock is taken, or when *error* is why it never will be. *why* is why
    it is not taken yet.
    """

    def __init__(self, alias: str) -> None:
        super().__init__(daemon=True)
        self.alias = alias
        self.settled = threading.Event()
        self.stop = threading.Event()
        self.error: Exception | None = None
        self.why = NO_ANSWER

    def run(self) -> None:
        try:
            while not self.stop.is_set() and not self.settled.is_set():
                self._use_connection()
                self.stop.wait(PAUSE)
        except Exception as error:
            self.error = error
            self.settled.set()

    def _use_connection(self) -> None:
        """Take and hold the lock on one new connection, for as long as the connection lasts."""
        connection = databases.new_connection(self.alias)
        lock: DatabaseLock | None = None
        try:
            lock = LOCKS[connection.vendor](connection)
            self._hold(lock)
        except BuildstaticError:
            raise
        except Exception as error:
            self.why = reason(error).removesuffix(".")
            if self.settled.is_set() and not self.stop.is_set():
                self._lost()
        finally:
            with suppress(Exception):
                lock.free() if lock else connection.close()

    def _hold(self, lock: DatabaseLock) -> None:
        while not lock.take():
            self.why = "another process holds it"
            if self.stop.wait(PAUSE):
                return
        self.settled.set()
        while not self.stop.wait(CHECK):
            lock.check()

    def _lost(self) -> None:
        where = databases.describe(self.alias)
        error = LockFailed(
            f"The lock of {where} was lost during the migration: {self.why}.",
            "Uncommitted changes are rolled back; run the command again.",
        )
        print(f"error: {error}", file=sys.stderr, flush=True)
        signals.end_process(error.exit_code)
