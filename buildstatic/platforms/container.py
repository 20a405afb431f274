"""What the platforms that run the image of the project's Dockerfile have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from buildstatic.dockerfile.static_root import data_directory
from buildstatic.errors import ConfigInvalid
from buildstatic.platforms.commands import (
    SYSTEM_VARIABLES,
    join_commands,
    other_processes,
    release_command,
    settings_module,
    slug,
)
from buildstatic.platforms.options import Options
from buildstatic.platforms.server import serve_command
from buildstatic.project import Connection, Process, Project

APP = "/app"
PORT = 8000
PATH = "DATABASE_PATH"


@dataclass(frozen=True)
class Container:
    """How to run the image.

    *release* is the command to run once before serving, or None. *database* is the *connection*
    unless its server is external to the platform. Variables: *secret_key* is the
    name of the one for SECRET_KEY, *fixed* have known values, *database_variables* lead to the
    database unless they are fixed, *required* are the others that the settings require, *optional*
    those that they also read; *invalid_names* cannot be set in a shell. *volume* is the directory
    to persist, if the database is an SQLite file.
    """

    name: str
    port: int
    release: str | None
    serve: str
    processes: tuple[Process, ...]
    connection: Connection | None
    database: Connection | None
    secret_key: str | None
    fixed: Mapping[str, str]
    database_variables: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    invalid_names: tuple[str, ...]
    volume: str | None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The variables that the image needs and whose values are not known."""
        secret_key = (self.secret_key,) if self.secret_key else ()
        return (*secret_key, *self.required, *self.database_variables)

    @property
    def release_and_serve(self) -> str:
        """The command for platforms where only the server can access the disk of the database."""
        return join_commands(*filter(None, (self.release, f"exec {self.serve}")))


def read_container(project: Project, options: Options, target: str) -> Container:
    """Return how to run the image of *project* on the platform *target*.

    Raises ConfigInvalid if there is no Dockerfile.
    """
    if options.dockerfile is None:
        raise ConfigInvalid(
            f"{target} builds with a Dockerfile, but the project has none.",
            f"Generate it as well: buildstatic generate dockerfile {target}",
        )
    connection = _settable(project.connection.value) if project.connection else None
    secret_key = project.secret_key.name if project.secret_key else None
    fixed = dict(_fixed_variables(project, connection))
    names: tuple[str, ...] = ()
    if connection is not None:
        names = (*((connection.url,) if connection.url else ()), *connection.parts.values())
    database_variables = tuple(name for name in names if name not in fixed)
    known = {secret_key, "PORT", *SYSTEM_VARIABLES, *fixed, *database_variables}
    others = [v for v in project.variables if v.name not in known and _is_settable(v.name)]
    return Container(
        name=slug(project),
        port=options.dockerfile.port or PORT,
        release=release_command(project),
        serve=serve_command(project, options.server),
        processes=other_processes(project, options),
        connection=connection,
        database=None if options.database == "external" else connection,
        secret_key=secret_key if secret_key and _is_settable(secret_key) else None,
        fixed=fixed,
        database_variables=database_variables,
        required=tuple(variable.name for variable in others if variable.required),
        optional=tuple(variable.name for variable in others if not variable.required),
        invalid_names=tuple(v.name for v in project.variables if not _is_settable(v.name)),
        volume=(data_directory(project) if connection and connection.engine == "sqlite" else None),
    )


def container_warnings(project: Project, container: Container) -> Iterator[str]:
    """Yield what will not work on any platform that runs the image."""
    for name in container.invalid_names:
        yield f"The settings read the variable {name!r}, which no platform can set. Rename it."
    connection = container.connection
    if connection is None or project.connection is None:
        return
    if connection.engine in ("postgresql", "mysql") and not (connection.url or connection.parts):
        yield (
            f"The database address is hard-coded in {project.connection.source}, so no platform "
            "can change it. Read it from a variable such as DATABASE_URL."
        )
    if project.sqlite and not project.sqlite.value.file.startswith(data_directory(project)):
        yield (
            f"The SQLite database ({project.sqlite.source}) is inside the image and is lost with "
            f'each container. Set NAME to os.environ.get("{PATH}", <current value>).'
        )


def _settable(connection: Connection) -> Connection:
    """Return *connection* without variables whose names cannot be set."""
    return replace(
        connection,
        url=connection.url if connection.url and _is_settable(connection.url) else None,
        parts={part: name for part, name in connection.parts.items() if _is_settable(name)},
    )


def _is_settable(name: str) -> bool:
    # The keys of YAML have up to 1024 characters (yaml.org/spec/1.2.2, "Implicit Keys").
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,254}", name) is not None


def _fixed_variables(project: Project, connection: Connection | None) -> Iterator[tuple[str, str]]:
    module = settings_module(project)
    if module is not None:
        yield "DJANGO_SETTINGS_MODULE", module
    if connection is not None and connection.engine == "sqlite":
        if connection.url:
            yield connection.url, f"sqlite:///{data_directory(project)}/db.sqlite3"
        else:
            yield connection.parts.get("NAME", PATH), f"{data_directory(project)}/db.sqlite3"
