"""Render: render.yaml, a Blueprint of the server, the other processes and the database.

The pre-deploy command runs in a separate instance without a disk (render.com/docs/deploys,
"Pre-deploy command"; render.com/docs/disks), so with SQLite the start command migrates. The fields
are documented at render.com/docs/blueprint-spec.
"""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.platforms.commands import without_shell
from buildstatic.platforms.container import Container, container_warnings, read_container
from buildstatic.platforms.options import Options
from buildstatic.platforms.repository import path_in_repository
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile, render

NAME = "render"
SUMMARY = "render.yaml for Render"
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
    container = read_container(project, options, NAME)
    release = serve = None
    if container.release and container.volume:
        serve = without_shell(container.release_and_serve)
    elif container.release:
        release = without_shell(container.release)
    # Only the server can use a disk, so with SQLite there are no other processes.
    processes = () if container.volume else container.processes
    connection = container.database
    properties: dict[str, str] = {}
    if connection is not None and connection.engine == "postgresql":
        if connection.url:
            properties = {connection.url: "connectionString"}
        else:
            properties = {name: PROPERTIES[part] for part, name in connection.parts.items()}
    required = (*container.required, *(() if properties else container.database_variables))
    text = render(
        "render.yaml",
        container=container,
        directory=path_in_repository(project.root),
        release=release,
        serve=serve,
        health=project.health.value if project.health else None,
        properties=tuple(properties.items()),
        required=required,
        processes=[(item, without_shell(item.command)) for item in processes],
    )
    return (
        GeneratedFile(
            "render.yaml",
            text,
            notes=tuple(_notes(project, container, required)),
            warnings=(*container_warnings(project, container), *_warnings(container)),
            serves=(serve,) if serve else (),
        ),
    )


def _warnings(container: Container) -> Iterator[str]:
    if container.volume and container.processes:
        names = ", ".join(item.name for item in container.processes)
        yield (
            f"Render: only one service can use a disk, so {names} cannot share the SQLite database "
            "and is left out. Use PostgreSQL to share it."
        )
    if container.connection and container.connection.engine in ("mysql", "oracle"):
        engine = container.connection.engine
        yield f"Render has no {engine} databases: set the variables for yours."


def _notes(project: Project, container: Container, required: tuple[str, ...]) -> Iterator[str]:
    if required:
        yield f"Render: it asks for {', '.join(required)} when the Blueprint is applied."
    if path_in_repository(project.root):
        yield "Render: it expects render.yaml in the root of the repository. Set the path there."
    if container.volume:
        yield (
            "Render: if the disk belongs to root, change its owner to the user of the image, 10001."
        )
    used = "; the health check uses one of those if there are any" if project.health else ""
    yield (f"Render: ALLOWED_HOSTS needs {container.name}.onrender.com and your own domains{used}.")
