"""Render: render.yaml, a Blueprint of the web service, what runs beside it, and its database.

The pre-deploy command runs in an instance of its own, which has no disk
(render.com/docs/deploys, "Pre-deploy command"; render.com/docs/disks): with SQLite, the start
command migrates. Fields are those of render.com/docs/blueprint-spec.
"""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.platforms import commands
from buildstatic.platforms.container import Container, container, warnings
from buildstatic.platforms.options import Options
from buildstatic.platforms.repository import place
from buildstatic.project import Process, Project
from buildstatic.templates import GeneratedFile, render

NAME = "render"
IS_DEFAULT = False

PROPERTIES = {
    "HOST": "host",
    "PORT": "port",
    "NAME": "database",
    "USER": "user",
    "PASSWORD": "password",
}


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the render.yaml of *project*; raises ConfigInvalid without a Dockerfile."""
    made = container(project, options, NAME)
    serve = commands.unshelled(made.served) if made.release and made.volume else None
    text = render(
        "render.yaml",
        made=made,
        directory=place(project.root),
        release=commands.unshelled(made.release) if made.release and not made.volume else None,
        serve=serve,
        health=project.health.value if project.health else None,
        places=tuple(_places(made)),
        processes=[(item, commands.unshelled(item.command)) for item in _beside(made)],
    )
    said = (*warnings(project, made), *_warnings(made))
    notes = tuple(_notes(project, made))
    serves = (serve,) if serve else ()
    return (GeneratedFile("render.yaml", text, notes=notes, warnings=said, serves=serves),)


def _places(made: Container) -> Iterator[tuple[str, str]]:
    """Yield the variables that lead to the database, each with the property that it gets."""
    if made.connection is None or made.connection.engine != "postgresql":
        return
    if made.connection.url:
        yield made.connection.url, "connectionString"
        return
    for part, name in made.connection.parts.items():
        yield name, PROPERTIES[part]


def _beside(made: Container) -> tuple[Process, ...]:
    """Return the processes; where the database is on a disk, which only the web has, none."""
    return () if made.volume else made.processes


def _warnings(made: Container) -> Iterator[str]:
    if made.volume and made.processes:
        names = ", ".join(item.name for item in made.processes)
        yield (
            f"Render: a disk belongs to one service, so {names} cannot share the SQLite database "
            "and is left out. PostgreSQL can be shared."
        )
    if made.connection and made.connection.engine in ("mysql", "oracle"):
        yield "Render has no such database: set the variables that lead to yours in its dashboard."


def _notes(project: Project, made: Container) -> Iterator[str]:
    if made.demanded:
        yield f"Render: it asks for {', '.join(made.demanded)} when the Blueprint is applied."
    if place(project.root):
        yield "Render: it looks for render.yaml in the repository's root; tell it the path."
    if made.volume:
        yield "Render: the disk may belong to root; the image's user, 10001, has to own it."
    if project.health:
        yield (
            "Render: the health check asks with the service's own host name, which has to be in "
            f"ALLOWED_HOSTS: {made.name}.onrender.com."
        )
