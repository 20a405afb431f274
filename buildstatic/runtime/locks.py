"""The locks that databases have, one class each, all of one shape.

Each is made of a connection of its own, in the thread that uses it. ``take`` tries once and says
whether it has the lock; ``check`` raises where it has it no more; closing the connection frees it,
and so does the database when its holder is gone, within `IDLE` at the latest.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from typing import Any, Protocol

from buildstatic.errors import LockFailed, LockUnsupported

WORDS = "buildstatic migrate"
IDLE = 120  # seconds without a check


class Lock(Protocol):
    """A lock that can be taken, and checked while it is held."""

    def take(self) -> bool:
        """Try to take it, without waiting; return whether it was taken."""

    def check(self) -> None:
        """Raise an exception if it is not held any more, and show that its holder lives."""

    def free(self) -> None:
        """Free it, if it was taken, and close the connection."""


class PostgreSQL:
    """An advisory lock of a transaction (postgresql.org/docs/current/explicit-locking.html).

    Of a transaction and not of a session, as a pooler that shares sessions (PgBouncer's pool_mode
    transaction) keeps a transaction on one of them, and ends it when its client is gone. It is READ
    COMMITTED, so that it has no snapshot between statements: CREATE INDEX CONCURRENTLY waits for
    those that have one. ``check`` is a statement that takes none.
    """

    # The server ends the transaction when its client has been silent, or its host has vanished.
    SILENCE = (
        f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE}s'",
        "SET LOCAL tcp_keepalives_idle = 30",
        "SET LOCAL tcp_keepalives_interval = 10",
        "SET LOCAL tcp_keepalives_count = 3",
    )

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def take(self) -> bool:
        """Try to take it; a transaction that did not get it is over at once."""
        with self.connection.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            cursor.execute("SELECT current_database()")
            key = int.from_bytes(_digest(cursor.fetchone()[0])[:8], signed=True)
            cursor.execute(f"SELECT pg_try_advisory_xact_lock({key})")
            if cursor.fetchone()[0]:
                self._stay(cursor)
                return True
            cursor.execute("ROLLBACK")
        return False

    def _stay(self, cursor: Any) -> None:
        for statement in self.SILENCE:
            cursor.execute(statement)
        if self.connection.pg_version >= 170000:
            cursor.execute("SET LOCAL transaction_timeout = 0")

    def check(self) -> None:
        """Say something; the server answers as long as the transaction is there."""
        with self.connection.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")

    def free(self) -> None:
        """End the transaction by closing its connection."""
        self.connection.close()


class MySQL:
    """GET_LOCK of MySQL and MariaDB, which a session holds in the whole server.

    Its name has 64 characters at most (dev.mysql.com/doc/refman/8.4/en/locking-functions.html).
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.name = ""

    def take(self) -> bool:
        """Try to take it, in a session that ends when its client has been silent."""
        with self.connection.cursor() as cursor:
            cursor.execute(f"SET SESSION wait_timeout = {IDLE}")
            cursor.execute("SELECT DATABASE()")
            self.name = name_in_mysql(cursor.fetchone()[0] or "")
            cursor.execute("SELECT GET_LOCK(%s, 0)", [self.name])
            return bool(cursor.fetchone()[0])

    def check(self) -> None:
        """Ask the server whether the session is still the one that holds it."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT IS_USED_LOCK(%s) = CONNECTION_ID()", [self.name])
            if not cursor.fetchone()[0]:
                raise RuntimeError("another session holds it")

    def free(self) -> None:
        """End the session."""
        self.connection.close()


class SQLite:
    """A lock file beside the database: ``flock``, which the kernel frees when its process ends.

    Not of the database itself: closing any descriptor of that loses SQLite's own locks
    (sqlite.org/howtocorrupt.html, 2.2). The file stays, since removing it would let two in.
    """

    SUFFIX = ".migrate-lock"

    def __init__(self, connection: Any) -> None:
        self.path = _file(connection)
        self.descriptor: int | None = None

    def take(self) -> bool:
        """Try to take it; a database in memory is nobody else's. Raises `LockFailed`."""
        if self.path is None:
            return True
        try:
            if self.descriptor is None:
                self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            problem = f"The lock {self.path} cannot be had: {error.strerror}."
            raise LockFailed(problem, "SQLite needs a directory that can be written.") from error
        return True

    def check(self) -> None:
        """A process does not lose it."""

    def free(self) -> None:
        """Close the file."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


KINDS: dict[str, type[PostgreSQL] | type[MySQL] | type[SQLite]] = {
    "postgresql": PostgreSQL,
    "mysql": MySQL,
    "sqlite": SQLite,
}


def check_vendor(vendor: str) -> None:
    """Raise `LockUnsupported` where *vendor*, Django's word, has no lock that is known here."""
    if vendor not in KINDS:
        problem = f"No lock of {vendor} is known here, only those of {', '.join(KINDS)}."
        raise LockUnsupported(problem, "Migrate in one place, with `buildstatic release`.")


def name_in_mysql(database: str) -> str:
    """Return what the lock of *database* is called, in a server that has one name for all."""
    return f"buildstatic {_digest(database).hex()[:32]}"


def _digest(name: str) -> bytes:
    return hashlib.sha256(f"{WORDS} {name}".encode()).digest()


def _file(connection: Any) -> str | None:
    """Return the path of the lock, by the path that SQLite itself has of its file."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA database_list")
        path = next(row[2] for row in cursor.fetchall() if row[1] == "main")
    connection.close()
    return f"{path}{SQLite.SUFFIX}" if path else None
