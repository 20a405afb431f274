"""What platforms have in common that run the image of the project's Dockerfile."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import commands
from buildstatic.platforms.options import Options
from buildstatic.project import Connection, Process, Project

APP = "/app"
DATA = "/data"
PORT = 8000
PATH = "DATABASE_PATH"


@dataclass(frozen=True)
class Container:
    """How the image is run: one line to release, one to serve, the processes beside.

    *release* is None where there is nothing to do before serving. *secret* is the variable of
    SECRET_KEY, *fixed* the variables whose values are known here, *places* those that say where the
    database is, if none of *fixed* does, *demanded* the others that the settings fail without,
    *offered* those that they also read. *unnamed* cannot be set by a shell.
    *volume* is the directory that has to last: SQLite's, whose database is a file.
    """

    name: str
    port: int
    release: str | None
    serve: str
    processes: tuple[Process, ...]
    connection: Connection | None
    secret: str | None
    fixed: Mapping[str, str]
    places: tuple[str, ...]
    demanded: tuple[str, ...]
    offered: tuple[str, ...]
    unnamed: tuple[str, ...]
    volume: str | None

    @property
    def served(self) -> str:
        """The line that serves where one disk holds the database: it releases as well."""
        return commands.chain(*filter(None, (self.release, f"exec {self.serve}")))


def container(project: Project, options: Options, target: str) -> Container:
    """Return how the image of *project* is run, for the platform *target*.

    Raises ConfigInvalid where there is no Dockerfile.
    """
    if options.dockerfile is None:
        raise ConfigInvalid(
            f"{target} builds with a Dockerfile, and the project has none.",
            f"Write it, too: buildstatic generate dockerfile {target}",
        )
    connection = _named(project.connection.value) if project.connection else None
    secret = project.secret_key.name if project.secret_key else None
    fixed = dict(_fixed(project, connection))
    places = tuple(name for name in _places(connection) if name not in fixed)
    known = {secret, "PORT", *commands.SYSTEM, *fixed, *places}
    others = [item for item in project.variables if item.name not in known]
    named = [item for item in others if _is_name(item.name)]
    return Container(
        name=commands.slug(project),
        port=options.dockerfile.port or PORT,
        release=_release(project),
        serve=commands.serve(project, options),
        processes=commands.processes(project, options),
        connection=connection,
        secret=secret if secret and _is_name(secret) else None,
        fixed=fixed,
        places=places,
        demanded=tuple(item.name for item in named if item.required),
        offered=tuple(item.name for item in named if not item.required),
        unnamed=tuple(item.name for item in project.variables if not _is_name(item.name)),
        volume=None if _hides(project) or not _is_file(connection) else DATA,
    )


def tree(project: Project) -> str:
    """Return the absolute path of the collected tree in the image."""
    return posixpath.join(APP, project.static_root.value if project.static_root else "staticfiles")


def warnings(project: Project, made: Container) -> tuple[str, ...]:
    """Return what will not work on any platform that runs the image."""
    return tuple(_warnings(project, made))


def _warnings(project: Project, made: Container) -> Iterator[str]:
    for name in made.unnamed:
        yield f"No platform can set a variable of the name {name!r}, which the settings read."
    connection = made.connection
    if _is_file(connection) and _hides(project):
        yield (
            f"STATIC_ROOT is in {DATA}, where a volume for the database would hide the static "
            "files: there is none. Collect into another directory."
        )
    if connection is None or project.connection is None:
        return
    at = project.connection.source
    if connection.engine in ("postgresql", "mysql") and not (connection.url or connection.parts):
        yield (
            f"The database's place is written into {at}, where no platform can change it: read "
            "it from a variable, DATABASE_URL for one."
        )
    if project.sqlite and not project.sqlite.value.file.startswith(DATA):
        yield (
            f"The database, {project.sqlite.source}, is inside of the image and lost with each "
            f'container: put os.environ.get("{PATH}", …) around the value of NAME.'
        )


def _named(connection: Connection) -> Connection:
    """Return *connection* without the variables whose names cannot be set."""
    url = connection.url if connection.url and _is_name(connection.url) else None
    parts = {part: name for part, name in connection.parts.items() if _is_name(name)}
    return replace(connection, url=url, parts=parts)


def _is_file(connection: Connection | None) -> bool:
    return connection is not None and connection.engine == "sqlite"


def _hides(project: Project) -> bool:
    """Tell whether a volume at `DATA` would hide the static files."""
    return f"{posixpath.normpath(tree(project))}/".startswith(f"{DATA}/")


def _release(project: Project) -> str | None:
    collect = (commands.collect(project),) if commands.is_remote(project) else ()
    return commands.chain(*collect, *commands.migrations(project)) or None


def _fixed(project: Project, connection: Connection | None) -> Iterator[tuple[str, str]]:
    module = commands.settings_module(project)
    if module is not None:
        yield "DJANGO_SETTINGS_MODULE", module
    if connection is not None and connection.engine == "sqlite":
        if connection.url:
            yield connection.url, f"sqlite:///{DATA}/db.sqlite3"
        else:
            yield connection.parts.get("NAME", PATH), f"{DATA}/db.sqlite3"


def _places(connection: Connection | None) -> tuple[str, ...]:
    """Return the variables that say where the database is."""
    if connection is None:
        return ()
    return (*((connection.url,) if connection.url else ()), *connection.parts.values())


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is not None
