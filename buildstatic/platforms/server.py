"""The command that serves the project: gunicorn, with what its defaults leave to be said.

Not said here is what gunicorn reads by itself: it binds to ``0.0.0.0:$PORT`` and starts
``$WEB_CONCURRENCY`` workers (docs.gunicorn.org/en/stable/settings.html, ``bind``, ``workers``).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from buildstatic.errors import ConfigInvalid
from buildstatic.project import Project

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

ServerName = Literal["gunicorn", "uvicorn-worker"]

CONTROL_SOCKET = "25.1"
LATER = ("25.1.0", "25.99", "26.0", "27.0", "99")


def server_command(project: Project, server: ServerName | None = None) -> tuple[str, ...]:
    """Return the argv that serves *project*, run from its root.

    Without a *server* the WSGI application is served, or the ASGI application where there is no
    other. Raises ConfigInvalid where the project has not the application that is to be served.
    """
    chosen = _chosen(project, server)
    directory = posixpath.dirname(project.manage.value)
    return (
        "gunicorn",
        *(("--chdir", operand(directory)) if directory else ()),
        # Heartbeats in a file on disk can stall a worker for long enough to be killed.
        *("--worker-tmp-dir", "/dev/shm"),
        *(("--no-control-socket",) if _has_control_socket(project) else ()),
        *(("--worker-class", "uvicorn_worker.UvicornWorker") if _is_asgi(chosen) else ()),
        _application(project, chosen),
    )


def missing_packages(project: Project, server: ServerName | None = None) -> tuple[str, ...]:
    """Return the packages that `command` needs and that the project does not depend on.

    uvicorn-worker brings gunicorn and uvicorn along. Nothing is missing where it is not known what
    gets installed: no dependencies were found, or some are a directory's own.
    """
    dependencies = project.dependencies.value if project.dependencies else None
    found = project.server.value if project.server else None
    if dependencies is None or dependencies.local or (found and found.uvicorn_worker):
        return ()
    if _is_asgi(_chosen(project, server)):
        return ("uvicorn-worker",)
    return () if found and found.name == "gunicorn" else ("gunicorn",)


def missing_package_warnings(project: Project, server: ServerName | None = None) -> tuple[str, ...]:
    """Return what is to be said of the packages that are `missing`."""
    file = project.dependencies.value.file if project.dependencies else ""
    return tuple(
        f"The server needs {name}, which is not among the dependencies in {file}: what is built "
        "cannot start without it."
        for name in missing_packages(project, server)
    )


def operand(path: str) -> str:
    """Return *path* so that no program takes it for an option."""
    return f"./{path}" if path.startswith("-") else path


def _chosen(project: Project, server: ServerName | None) -> ServerName:
    return server or ("uvicorn-worker" if project.asgi and not project.wsgi else "gunicorn")


def _is_asgi(server: ServerName) -> bool:
    return server == "uvicorn-worker"


def _application(project: Project, server: ServerName) -> str:
    fact = project.asgi if _is_asgi(server) else project.wsgi
    if fact is not None:
        return fact.value
    kind = "ASGI" if _is_asgi(server) else "WSGI"
    package = project.settings.value.partition(".")[0]
    file = posixpath.join(posixpath.dirname(project.manage.value), package, f"{kind.lower()}.py")
    raise ConfigInvalid(
        f"The project has no {kind} application for {server} to serve.",
        f"Write {file}:\n\n{_application_file(project, kind)}",
    )


def _application_file(project: Project, kind: str) -> str:
    function = f"get_{kind.lower()}_application"
    return (
        "import os\n\n"
        f"from django.core.{kind.lower()} import {function}\n\n"
        f'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{project.settings.value}")\n'
        f"application = {function}()"
    )


def _has_control_socket(project: Project) -> bool:
    """Tell whether the gunicorn that gets installed can be one of 25.1 or later.

    Those keep a control socket in ``$HOME/.gunicorn``, and warn where that cannot be written;
    earlier ones refuse the flag that turns it off.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    server = project.server.value if project.server else None
    if server is None or server.name != "gunicorn":
        return True
    try:
        allowed = SpecifierSet(server.specifier)
    except InvalidSpecifier:
        return True
    return any(allowed.contains(version, prereleases=True) for version in _candidates(allowed))


def _candidates(allowed: SpecifierSet) -> Iterator[Version]:
    """Yield versions with a control socket that *allowed* may have: usual ones, and its own."""
    from packaging.version import InvalidVersion, Version

    yield from map(Version, LATER)
    for specifier in allowed:
        try:
            named = Version(specifier.version.removesuffix(".*"))
        except InvalidVersion:
            continue
        for version in (named, Version(f"{named.major}.{named.minor}.{named.micro + 1}")):
            if version >= Version(CONTROL_SOCKET):
                yield version
