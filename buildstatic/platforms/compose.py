"""Docker Compose: compose.yaml with the server, its database, and one run of the migrations.

The order is Compose's: ``service_healthy``, then ``service_completed_successfully``
(docs.docker.com/compose/how-tos/startup-order). In values a literal ``$`` must be doubled
(docs.docker.com/compose/how-tos/environment-variables/variable-interpolation).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from buildstatic.platforms.commands import to_argv
from buildstatic.platforms.container import Container, container_warnings, read_container
from buildstatic.platforms.options import Options
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile, render

NAME = "compose"
SUMMARY = "compose.yaml: the server, its database and migrations on one machine"
IS_DEFAULT = False

# The names of the services besides web.
RESERVED = ("migrate", "database")
PASSWORD = "DATABASE_PASSWORD"


@dataclass(frozen=True)
class DatabaseService:
    """A database as a service: the *variables* of its image, and *ready*, its health check."""

    image: str
    scheme: str
    port: int
    variables: tuple[tuple[str, str], ...]
    ready: tuple[str, ...]
    directory: str


POSTGRESQL = DatabaseService(
    "postgres:18",
    "postgres",
    5432,
    (
        ("POSTGRES_DB", "django"),
        ("POSTGRES_USER", "django"),
        ("POSTGRES_PASSWORD", f"${{{PASSWORD}:?}}"),
    ),
    # Over TCP, because during its initialization the server already answers on its socket.
    ("CMD", "pg_isready", "--host=127.0.0.1", "--username=django", "--dbname=django"),
    "/var/lib/postgresql",  # from 18 on (hub.docker.com/_/postgres, "PGDATA")
)
DATABASES = {
    "postgresql": POSTGRESQL,
    "postgis": replace(POSTGRESQL, image="postgis/postgis:18-3.6", scheme="postgis"),
    "mysql": DatabaseService(
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
    container = read_container(project, options, NAME)
    provided = container.database
    database = None
    if provided is not None:
        database = DATABASES.get("postgis" if provided.has_gis else provided.engine)
    required = (
        *((container.secret_key,) if container.secret_key else ()),
        *container.required,
        *(() if database else container.database_variables),
    )
    text = render(
        "compose.yaml",
        name=container.name,
        port=container.port,
        environment=(
            *((name, _escape(value)) for name, value in container.fixed.items()),
            *((name, f"${{{name}:?}}") for name in required),
            *_database_variables(container, database),
            *((name, None) for name in container.optional),
        ),
        release=_argv(container.release) if container.release else None,
        processes=[
            (f"{item.name}-process" if item.name in RESERVED else item.name, _argv(item.command))
            for item in container.processes
            if not item.schedule
        ],
        database=database,
        volume=container.volume,
    )
    notes = []
    if names := [*required, *([PASSWORD] if database else [])]:
        notes.append(
            f"Compose: set {', '.join(names)} in the environment, or in a file .env next to "
            "compose.yaml. Keep that file out of git."
        )
    notes.append("Compose: ALLOWED_HOSTS needs the host name of the site, such as localhost.")
    notes += [
        f"Compose: it cannot schedule {process.name}; run it from cron on the machine."
        for process in container.processes
        if process.schedule
    ]
    warnings = tuple(container_warnings(project, container))
    return (GeneratedFile("compose.yaml", text, notes=tuple(notes), warnings=warnings),)


def _database_variables(
    container: Container, database: DatabaseService | None
) -> Iterator[tuple[str, str]]:
    """Yield the variables that point to the database service."""
    connection = container.connection
    if connection is None or database is None:
        return
    password = f"${{{PASSWORD}:?}}"
    if connection.url:
        address = f"django:{password}@database:{database.port}/django"
        yield connection.url, f"{database.scheme}://{address}"
        return
    values = {
        "HOST": "database",
        "PORT": str(database.port),
        "NAME": "django",
        "USER": "django",
        "PASSWORD": password,
    }
    for part, name in connection.parts.items():
        yield name, values[part]


def _argv(command: str) -> list[str]:
    return [_escape(word) for word in to_argv(command)]


def _escape(text: str) -> str:
    return text.replace("$", "$$")
