"""Docker Compose: compose.yaml with the web, its database, and migrations that run once before.

The order is Compose's own: ``service_healthy``, then ``service_completed_successfully``
(docs.docker.com/compose/how-tos/startup-order). In every value ``$`` is a variable's, unless it is
doubled (docs.docker.com/compose/how-tos/environment-variables/variable-interpolation).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from buildstatic.platforms import commands
from buildstatic.platforms.container import Container, container, warnings
from buildstatic.platforms.options import Options
from buildstatic.project import Connection, Project
from buildstatic.templates import GeneratedFile, render

NAME = "compose"
IS_DEFAULT = False

OWN = ("migrate", "database")
PASSWORD = "DATABASE_PASSWORD"


@dataclass(frozen=True)
class Server:
    """A database server as a service: *variables* are its image's, *ready* its health check."""

    image: str
    scheme: str
    port: int
    variables: tuple[tuple[str, str], ...]
    ready: tuple[str, ...]
    directory: str


POSTGRESQL = Server(
    "postgres:17",
    "postgres",
    5432,
    (
        ("POSTGRES_DB", "django"),
        ("POSTGRES_USER", "django"),
        ("POSTGRES_PASSWORD", f"${{{PASSWORD}:?}}"),
    ),
    # Over TCP: while it prepares itself, the server answers on its socket alone.
    ("CMD", "pg_isready", "--host=127.0.0.1", "--username=django", "--dbname=django"),
    "/var/lib/postgresql/data",
)
SERVERS = {
    "postgresql": POSTGRESQL,
    "postgis": replace(POSTGRESQL, image="postgis/postgis:17-3.5", scheme="postgis"),
    "mysql": Server(
        "mariadb:11.8",
        "mysql",
        3306,
        (
            ("MARIADB_DATABASE", "django"),
            ("MARIADB_USER", "django"),
            ("MARIADB_PASSWORD", f"${{{PASSWORD}:?}}"),
            ("MARIADB_RANDOM_ROOT_PASSWORD", "1"),
        ),
        ("CMD", "healthcheck.sh", "--connect", "--innodb_initialized"),
        "/var/lib/mysql",
    ),
}


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the compose.yaml of *project*; raises ConfigInvalid without a Dockerfile."""
    made = container(project, options, NAME)
    server = _server(made.connection)
    text = render(
        "compose.yaml",
        name=made.name,
        port=made.port,
        environment=tuple(_environment(made, server)),
        release=[_escaped(word) for word in commands.words(made.release)] if made.release else None,
        processes=[
            (_own_name(item.name), [_escaped(word) for word in commands.words(item.command)])
            for item in made.processes
            if not item.schedule
        ],
        server=server,
        volume=made.volume,
    )
    notes = tuple(_notes(made, server))
    return (GeneratedFile("compose.yaml", text, notes=notes, warnings=warnings(project, made)),)


def _server(connection: Connection | None) -> Server | None:
    """Return the server that *connection* is to, None for a file and for one that is elsewhere."""
    if connection is None:
        return None
    return SERVERS.get("postgis" if connection.has_gis else connection.engine)


def _needed(made: Container, server: Server | None) -> tuple[str, ...]:
    """Return the variables that have to be set from outside."""
    secret = (made.secret,) if made.secret else ()
    return (*secret, *made.demanded, *(() if server else made.places))


def _environment(made: Container, server: Server | None) -> Iterator[tuple[str, str | None]]:
    """Yield each variable with its value; with None it is taken over from outside, if set."""
    for name, value in made.fixed.items():
        yield name, _escaped(value)
    for name in _needed(made, server):
        yield name, f"${{{name}:?}}"
    if made.connection and server:
        yield from _places(made.connection, server)
    for name in made.offered:
        yield name, None


def _places(connection: Connection, server: Server) -> Iterator[tuple[str, str]]:
    """Yield the variables that lead to the database."""
    password = f"${{{PASSWORD}:?}}"
    if connection.url:
        place = f"django:{password}@database:{server.port}/django"
        yield connection.url, f"{server.scheme}://{place}"
        return
    parts = {
        "HOST": "database",
        "PORT": str(server.port),
        "NAME": "django",
        "USER": "django",
        "PASSWORD": password,
    }
    for part, name in connection.parts.items():
        yield name, parts[part]


def _escaped(text: str) -> str:
    return text.replace("$", "$$")


def _own_name(name: str) -> str:
    return f"{name}-process" if name in OWN else name


def _notes(made: Container, server: Server | None) -> Iterator[str]:
    needed = [*_needed(made, server), *((PASSWORD,) if server else ())]
    if needed:
        yield (
            f"Compose: set {', '.join(needed)}, in the environment or in a file .env beside "
            "compose.yaml, which stays out of git."
        )
    for process in made.processes:
        if process.schedule:
            yield f"Compose: it has no cron, so {process.name} is left to the machine's own."
