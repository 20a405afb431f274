"""DigitalOcean: .do/app.yaml, the spec of an App Platform app that runs the image of a registry.

The fields are documented at docs.digitalocean.com/products/app-platform/reference/app-spec. There
are no volumes, so an SQLite database is lost with each container.
"""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.platforms.commands import dns_label, without_shell
from buildstatic.platforms.container import Container, container_warnings, read_container
from buildstatic.platforms.heroku import HOSTS
from buildstatic.platforms.options import Options
from buildstatic.project import Process, Project
from buildstatic.templates import GeneratedFile, render

NAME = "digitalocean"
SUMMARY = ".do/app.yaml for DigitalOcean App Platform"
IS_DEFAULT = False

FILE = ".do/app.yaml"
DATABASE = "database"
RESERVED = ("web", "migrate", DATABASE)
PROPERTIES = {
    "HOST": "HOSTNAME",
    "PORT": "PORT",
    "NAME": "DATABASE",
    "USER": "USERNAME",
    "PASSWORD": "PASSWORD",
}


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the .do/app.yaml of *project*; raises ConfigInvalid without a Dockerfile."""
    container = read_container(project, options, NAME)
    release = serve = None
    if container.release and container.volume:  # a job could not reach the file of the database
        serve = without_shell(container.release_and_serve)
    elif container.release:
        release = without_shell(container.release)
    has_database = _has_database(container)
    text = render(
        "app.yaml",
        name=dns_label(container.name, 32),
        repository=container.name,
        port=container.port,
        release=release,
        serve=serve,
        values=_values(container),
        secrets=_secrets(container),
        processes=[
            (_name(item), item, without_shell(item.command)) for item in container.processes
        ],
        database=DATABASE if has_database else None,
    )
    return (
        GeneratedFile(
            FILE,
            text,
            notes=tuple(_notes(container)),
            warnings=(*container_warnings(project, container), *_warnings(container)),
            serves=(serve,) if serve else (),
        ),
    )


def _has_database(container: Container) -> bool:
    connection = container.database
    return (
        connection is not None
        and connection.engine == "postgresql"
        and bool(connection.url or connection.parts)
    )


def _values(container: Container) -> dict[str, str]:
    """Return the variables with known values; ``${…}`` is replaced by App Platform."""
    values = dict(container.fixed)
    connection = container.connection
    if connection is not None and _has_database(container):
        if connection.url:
            values[connection.url] = f"${{{DATABASE}.DATABASE_URL}}"
        else:
            for part, name in connection.parts.items():
                values[name] = f"${{{DATABASE}.{PROPERTIES[part]}}}"
    for name in (*container.required, *container.optional):
        if name in HOSTS:
            values[name] = "${APP_DOMAIN}"
    return values


def _secrets(container: Container) -> tuple[str, ...]:
    """Return the variables whose values have to be set on DigitalOcean."""
    return tuple(name for name in container.secrets if name not in _values(container))


def _name(process: Process) -> str:
    name = dns_label(process.name, 24)
    return f"{name}-process" if name in RESERVED else name


def _warnings(container: Container) -> Iterator[str]:
    if container.volume:
        yield (
            "DigitalOcean: App Platform has no volumes, so the SQLite database is lost with each "
            "container, and other processes do not share it. Use PostgreSQL."
        )
    if container.connection and container.connection.engine in ("mysql", "oracle"):
        yield (
            f"DigitalOcean: the spec creates no {container.connection.engine} database. Set the "
            "variables for yours."
        )


def _notes(container: Container) -> Iterator[str]:
    yield (
        "DigitalOcean: push the image to its registry: `buildstatic build --push --tag "
        f"registry.digitalocean.com/REGISTRY/{container.name}:latest`."
    )
    if names := ", ".join(_secrets(container)):
        yield f"DigitalOcean: set {names} in the settings of the app."
    if not any(name in HOSTS for name in _values(container)):
        yield "DigitalOcean: ALLOWED_HOSTS needs the domains of the app, or .ondigitalocean.app."
    else:
        yield "DigitalOcean: ALLOWED_HOSTS needs your own domains as well, in .do/app.yaml."
