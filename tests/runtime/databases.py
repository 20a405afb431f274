"""PostgreSQL, MariaDB and PgBouncer, Debian's, in one container; a new database for every test."""

from __future__ import annotations

import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import psycopg
import pymysql
import pytest

from buildstatic.runtime.locks import mysql_lock_name
from tests.engine import Served, once, until
from tests.oci import tiny
from tests.oci.remote import pump
from tests.runtime.replicas import QUERY, Settings, Step

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

# What is lost with the container need not reach a disk.
DOCKERFILE = """\
FROM python:3.13-slim
RUN apt-get -o Acquire::Retries=5 update \\
 && DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=5 install \\
    --yes --no-install-recommends \\
    mariadb-server pgbouncer postgresql \\
 && rm -rf /var/lib/apt/lists/*
COPY start /
CMD ["sh", "/start"]
"""
START = """\
set -e
cd /etc/postgresql/*/main
printf "listen_addresses = '*'\\nfsync = off\\n" >> postgresql.conf
echo 'host all all all trust' > pg_hba.conf
echo 'local all all trust' >> pg_hba.conf
pg_ctlcluster $(pg_lsclusters --no-header | cut -d' ' -f1,2) start
cat > /etc/pgbouncer/pgbouncer.ini <<END
[databases]
* = host=127.0.0.1 user=postgres
[pgbouncer]
listen_addr = *
listen_port = 6432
auth_type = any
pool_mode = transaction
pidfile = /tmp/pgbouncer.pid
ignore_startup_parameters = options,extra_float_digits
END
su postgres -c 'pgbouncer --daemon /etc/pgbouncer/pgbouncer.ini'
mkdir -p /run/mysqld && chown mysql /run/mysqld
echo "CREATE USER root@'%';" > /init.sql
echo "GRANT ALL ON *.* TO root@'%';" >> /init.sql
exec mariadbd --user=mysql --bind-address=0.0.0.0 --init-file=/init.sql \\
    --innodb-flush-log-at-trx-commit=0
"""
PORTS = {"postgresql": 5432, "pgbouncer": 6432, "mariadb": 3306}
each_server = pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
LOSE = """
SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE locktype = 'advisory' AND datname = current_database()
"""
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Database:
    """A database that is new: Django's settings for it, and how to ask it directly."""

    kind: str
    port: int
    name: str

    @property
    def settings(self) -> Settings:
        """What DATABASES has of it."""
        engine, user = ("mysql", "root") if self.kind == "mariadb" else ("postgresql", "postgres")
        where = {"HOST": HOST, "PORT": str(self.port), "USER": user, "NAME": self.name}
        return {"ENGINE": f"django.db.backends.{engine}", **where}

    def ask(self, query: str, **settings: str) -> list[tuple[Any, ...]]:
        """Return the rows of *query*, made with PostgreSQL's *settings*."""
        with connected(self.kind, self.port, self.name) as cursor:
            for name, value in settings.items():
                cursor.execute(f"SET {name} = '{value}'")
            cursor.execute(query)
            return list(cursor.fetchall()) if cursor.description else []

    def lose_lock(self) -> None:
        """End the session that holds the lock, as an administrator does."""
        if self.kind == "mariadb":
            ((session,),) = self.ask(f"SELECT IS_USED_LOCK('{mysql_lock_name(self.name)}')")
            self.ask(f"KILL {session}")
        else:
            ((ended,),) = self.ask(LOSE)
            assert ended

    def steps(self) -> list[Step]:
        """Return what has migrated it."""
        return [Step(*row) for row in self.ask(QUERY)]


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
    """Let *port* lead to the port *there*."""
    server = _Forwarder((HOST, port), _Forward)
    server.there = there
    with tiny.serving(server):
        yield


def create(kind: str, port: int) -> Database:
    """Make a database in the server of *kind* at *port*."""
    name = f"test_{uuid.uuid4().hex[:8]}"
    with connected(kind, port, "mysql" if kind == "mariadb" else "postgres") as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    return Database(kind, port, name)


def image(shared: Path, tag: str) -> str:
    """Return *tag*, the image of the servers, made by the first that asks."""

    def make() -> str:
        context = shared / "databases"
        context.mkdir()
        (context / "Dockerfile").write_text(DOCKERFILE)
        (context / "start").write_text(START)
        command = [
            "docker",
            "buildx",
            "build",
            "--load",
            f"--tag={tag}",
            f"--label=of={tag}",
            str(context),
        ]
        built = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert built.returncode == 0, built.stderr
        return tag

    return str(once(shared, "databases", make))


@contextmanager
def serving(client: DockerClient, image: str) -> Iterator[dict[str, int]]:
    """Run the servers; yield the ports that they answer at, on this machine."""
    published = {f"{port}/tcp": (HOST, 0) for port in PORTS.values()}
    container = client.containers.run(image, detach=True, ports=published)
    try:
        container.reload()
        ports = {kind: _published(container, port) for kind, port in PORTS.items()}
        until(lambda: answer(ports), "three servers", Served(container, ""))
        yield ports
    finally:
        container.remove(force=True, v=True)


def _published(container: Container, port: int) -> int:
    where = container.ports[f"{port}/tcp"]
    assert where
    return int(where[0]["HostPort"])


def answer(ports: dict[str, int]) -> bool:
    """Say whether all answer."""
    try:
        for kind, name in (
            ("mariadb", "mysql"),
            ("postgresql", "postgres"),
            ("pgbouncer", "postgres"),
        ):
            with connected(kind, ports[kind], name) as cursor:
                cursor.execute("SELECT 1")
    except (psycopg.Error, pymysql.Error, OSError):
        return False
    return True
