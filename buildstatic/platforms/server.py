"""The command line of the server: gunicorn, with only the options that differ from its defaults.

gunicorn itself binds to ``0.0.0.0:$PORT`` and starts ``$WEB_CONCURRENCY`` workers
(docs.gunicorn.org/en/stable/settings.html, ``bind``, ``workers``).
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

# The first version with a control socket, and versions that a specifier is tried with.
CONTROL_SOCKET = "25.1"
LATER = ("25.1.0", "25.99", "26.0", "27.0", "99")


def server_command(project: Project, server: ServerName | None = None) -> tuple[str, ...]:
    """Return the argv that serves *project*, to be run in its root.

    *server* defaults to uvicorn-worker for projects with only an ASGI application, and to gunicorn
    otherwise. Raises ConfigInvalid if the project has no application for it.
    """
    server = server or _default_server(project)
    directory = posixpath.dirname(project.manage.value)
    return (
        "gunicorn",
        *(("--chdir", operand(directory)) if directory else ()),
        # Heartbeats in a file on disk can block a worker until it is killed.
        *("--worker-tmp-dir", "/dev/shm"),
        *(("--no-control-socket",) if _has_control_socket(project) else ()),
        *(("--worker-class", "uvicorn_worker.UvicornWorker") if server == "uvicorn-worker" else ()),
        _application(project, server),
    )


def missing_packages(project: Project, server: ServerName | None = None) -> tuple[str, ...]:
    """Return the packages that `server_command` needs and the project does not depend on.

    uvicorn-worker depends on gunicorn and uvicorn. Nothing is missing if the dependencies are not
    known: none were found, or some are local directories.
    """
    dependencies = project.dependencies.value if project.dependencies else None
    found = project.server.value if project.server else None
    if dependencies is None or dependencies.local or (found and found.uvicorn_worker):
        return ()
    if (server or _default_server(project)) == "uvicorn-worker":
        return ("uvicorn-worker",)
    return () if found and found.name == "gunicorn" else ("gunicorn",)


def missing_package_warnings(project: Project, server: ServerName | None = None) -> tuple[str, ...]:
    """Return a warning for each of the `missing_packages`."""
    file = project.dependencies.value.file if project.dependencies else ""
    return tuple(
        f"The server needs {name}, which is not among the dependencies in {file}. Add it, or the "
        "server cannot start."
        for name in missing_packages(project, server)
    )


def operand(path: str) -> str:
    """Return *path* in a form that no program mistakes for an option."""
    return f"./{path}" if path.startswith("-") else path


def _default_server(project: Project) -> ServerName:
    return "uvicorn-worker" if project.asgi and not project.wsgi else "gunicorn"


def _application(project: Project, server: ServerName) -> str:
    """Return ``module:attribute`` of the application that *server* serves."""
    kind, fact = ("WSGI", project.wsgi) if server == "gunicorn" else ("ASGI", project.asgi)
    if fact is not None:
        return fact.value
    package = project.settings.value.partition(".")[0]
    file = posixpath.join(posixpath.dirname(project.manage.value), package, f"{kind.lower()}.py")
    function = f"get_{kind.lower()}_application"
    raise ConfigInvalid(
        f"The project has no {kind} application for {server} to serve.",
        f"Create {file}:\n\n"
        "import os\n\n"
        f"from django.core.{kind.lower()} import {function}\n\n"
        f'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{project.settings.value}")\n'
        f"application = {function}()",
    )


def _has_control_socket(project: Project) -> bool:
    """Return whether the installed gunicorn may be 25.1 or later.

    Those keep a control socket in ``$HOME/.gunicorn``, and warn if they cannot write there;
    earlier versions reject the option that disables it.
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
    """Yield versions with a control socket: common ones, and those that *allowed* names."""
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
