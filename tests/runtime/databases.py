"""PostgreSQL, MariaDB and PgBouncer in one container; a new database for every test."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import psycopg
import pymysql
import pytest

from buildstatic.runtime.locks import mysql_lock_name
from tests.engine import Served, until
from tests.oci import tiny
from tests.oci.remote import pump
from tests.runtime.replicas import QUERY, Settings, Step

if TYPE_CHECKING:
    from docker import DockerClient

PORTS = {"postgresql": 5432, "pgbouncer": 6432, "mariadb": 3306}
MYSQLCLIENT = "mysqlclient"
each_server = pytest.mark.parametrize(
    "kind",
    ["postgresql", "mariadb", pytest.param(MYSQLCLIENT, marks=pytest.mark.exhaustive)],
)
KILL_HOLDER = """
SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE locktype = 'advisory' AND datname = current_database()
"""
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Database:
    """A new database: Django's settings for it, and direct queries.

    *drivers* is a directory for PYTHONPATH with another driver than the tests' own.
    """

    kind: str
    port: int
    name: str
    drivers: str = ""

    @property
    def settings(self) -> Settings:
        """Its entry in DATABASES."""
        engine, user = ("mysql", "root") if self.kind == "mariadb" else ("postgresql", "postgres")
        where = {"HOST": HOST, "PORT": str(self.port), "USER": user, "NAME": self.name}
        return {"ENGINE": f"django.db.backends.{engine}", **where}

    def query(self, query: str, **settings: str) -> list[tuple[Any, ...]]:
        """Return the rows of *query*, run with PostgreSQL's *settings*."""
        with connected(self.kind, self.port, self.name) as cursor:
            for name, value in settings.items():
                cursor.execute(f"SET {name} = '{value}'")
            cursor.execute(query)
            return list(cursor.fetchall()) if cursor.description else []

    def lose_lock(self) -> None:
        """Kill the session that holds the lock, as an administrator can."""
        if self.kind == "mariadb":
            ((session,),) = self.query(f"SELECT IS_USED_LOCK('{mysql_lock_name(self.name)}')")
            self.query(f"KILL {session}")
        else:
            ((ended,),) = self.query(KILL_HOLDER)
            assert ended

    def steps(self) -> list[Step]:
        """Return the migrations that ran on it."""
        return [Step(*row) for row in self.query(QUERY)]


@contextmanager
def connected(kind: str, port: int, name: str) -> Iterator[Any]:
    """Yield a cursor, in autocommit, in the database *name*."""
    if kind == "mariadb":
        connection: Any = pymysql.connect(
            host=HOST, port=port, user="root", database=name, autocommit=True
        )
    else:
        connection = psycopg.connect(
            host=HOST, port=port, user="postgres", dbname=name, autocommit=True
        )
    try:
        yield connection.cursor()
    finally:
        connection.close()


class _Forward(BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Forwarder)
        with socket.create_connection((HOST, self.server.there)) as other:
            back = Thread(target=pump, args=(other, self.request), daemon=True)
            back.start()
            pump(self.request, other)
            back.join()


class _Forwarder(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    there: int


@contextmanager
def forwarding(port: int, there: int) -> Iterator[None]:
    """Forward *port* to the port *there*."""
    server = _Forwarder((HOST, port), _Forward)
    server.there = there
    with tiny.serving(server):
        yield


def create(kind: str, port: int, drivers: str = "") -> Database:
    """Create a database in the server of *kind* at *port*, for the driver in *drivers*."""
    name = f"test_{uuid.uuid4().hex[:8]}"
    with connected(kind, port, "mysql" if kind == "mariadb" else "postgres") as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    return Database(kind, port, name, drivers)


def start(client: DockerClient, image: str, labels: dict[str, str]) -> dict[str, int]:
    """Start the servers in a container with *labels*; return their ports on this machine."""
    published = {f"{port}/tcp": (HOST, 0) for port in PORTS.values()}
    container = client.containers.run(image, detach=True, ports=published, labels=labels)
    container.reload()
    ports = {}
    for kind, port in PORTS.items():
        where = container.ports[f"{port}/tcp"]
        assert where
        ports[kind] = int(where[0]["HostPort"])
    until(lambda: are_ready(ports), "three servers", Served(container, ""))
    return ports


def are_ready(ports: dict[str, int]) -> bool:
    """Return whether all servers answer."""
    names = {"mariadb": "mysql", "postgresql": "postgres", "pgbouncer": "postgres"}
    try:
        for kind, name in names.items():
            with connected(kind, ports[kind], name) as cursor:
                cursor.execute("SELECT 1")
    except (psycopg.Error, pymysql.Error, OSError):
        return False
    return True
