"""The command line of the application server, with only the options that differ from its defaults.

gunicorn binds to ``0.0.0.0:$PORT`` and starts ``$WEB_CONCURRENCY`` workers
(docs.gunicorn.org/en/stable/settings.html, ``bind``, ``workers``). The others are given these
variables, which a shell expands. Their options: uvicorn.org/settings, granian on PyPI,
github.com/django/daphne, hypercorn.readthedocs.io/en/latest/how_to_guides/configuring.html,
uwsgi-docs.readthedocs.io/en/latest/ThingsToKnow.html, docs.pylonsproject.org/projects/waitress.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, get_args

from buildstatic.errors import ConfigInvalid
from buildstatic.project import Project

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

ServerName = Literal[
    "gunicorn", "uvicorn-worker", "uvicorn", "granian", "daphne", "hypercorn", "uwsgi", "waitress"
]
SERVER_NAMES: tuple[ServerName, ...] = get_args(ServerName)
ASGI_ONLY = ("uvicorn-worker", "uvicorn", "daphne")
WSGI_ONLY = ("gunicorn", "uwsgi", "waitress")
PORT = "${PORT:-8000}"
WORKERS = "${WEB_CONCURRENCY:-1}"

# The first version with a control socket, and versions that a specifier is tried with.
CONTROL_SOCKET = "25.1"
LATER = ("25.1.0", "25.99", "26.0", "27.0", "99")


def server_command(project: Project, server: ServerName | None = None) -> tuple[str, ...]:
    """Return the argv that serves *project*, to be run in its root.

    *server* defaults to that of the project; without one to gunicorn, for projects with only an
    ASGI application to uvicorn-worker. Raises ConfigInvalid if the project has no application for
    it.
    """
    words = _words(project, server or default_server(project))
    if any(PORT in word for word in words):
        # The shell is replaced by the server, which gets the signal to stop.
        return ("/bin/sh", "-c", f"exec {_join(words)}")
    return words


def serve_command(project: Project, server: ServerName | None = None) -> str:
    """Return the same as a shell command, raising the same."""
    return _join(_words(project, server or default_server(project)))


def _join(words: tuple[str, ...]) -> str:
    variables = (PORT, WORKERS)
    return " ".join(
        word if any(name in word for name in variables) else shlex.quote(word) for word in words
    )


def _words(project: Project, server: ServerName) -> tuple[str, ...]:
    directory = posixpath.dirname(project.manage.value)
    application = _application(project, server)
    if server in ("gunicorn", "uvicorn-worker"):
        is_worker = server == "uvicorn-worker"
        return (
            "gunicorn",
            *(("--chdir", operand(directory)) if directory else ()),
            # Heartbeats in a file on disk can block a worker until it is killed.
            *("--worker-tmp-dir", "/dev/shm"),
            *(("--no-control-socket",) if _has_control_socket(project) else ()),
            *(("--worker-class", "uvicorn_worker.UvicornWorker") if is_worker else ()),
            application,
        )
    words: tuple[str, ...]
    match server:
        case "uvicorn":  # reads $WEB_CONCURRENCY itself
            words = ("uvicorn", "--host", "0.0.0.0", "--port", PORT, application)
        case "daphne":
            words = ("daphne", "--bind", "0.0.0.0", "--port", PORT, application)
        case "granian":
            # Django has no lifespan events.
            interface = "asginl" if _serves_asgi(project, server) else "wsgi"
            words = ("granian", "--interface", interface, "--host", "0.0.0.0", "--port", PORT)
            words += ("--workers", WORKERS, application)
        case "hypercorn":
            prefix = "" if _serves_asgi(project, server) else "wsgi:"
            words = ("hypercorn", "--bind", f"0.0.0.0:{PORT}", "--workers", WORKERS)
            words += (f"{prefix}{application}",)
        case "uwsgi":
            # Without --die-on-term SIGTERM reloads it, without --need-app it serves errors.
            words = ("uwsgi", "--http-socket", f"0.0.0.0:{PORT}", "--module", application)
            words += ("--master", "--die-on-term", "--need-app", "--enable-threads")
            words += ("--processes", WORKERS)
        case _:
            words = ("waitress-serve", f"--listen=0.0.0.0:{PORT}", application)
    return ("env", f"--chdir={directory}", *words) if directory else words


def missing_packages(project: Project, server: ServerName | None = None) -> tuple[str, ...]:
    """Return the packages that the image needs and the project does not depend on.

    They are the server and a driver for PostgreSQL. Nothing is missing if no dependencies were
    found. What directories of the project require may not be known; to install it again does no
    harm.
    """
    dependencies = project.dependencies.value if project.dependencies else None
    found = project.server.value if project.server else None
    if dependencies is None:
        return ()
    name = server or default_server(project)
    has_server = found is not None and (
        found.name.removeprefix("py") == name
        or (found.uvicorn_worker and name in ("gunicorn", "uvicorn", "uvicorn-worker"))
        or name in project.packages
    )
    connection = project.connection.value if project.connection else None
    needs_driver = (
        connection is not None and connection.engine == "postgresql" and project.database is None
    )
    return (
        *(dependencies.servers if has_server else (name,)),
        *(("psycopg[binary]",) if needs_driver else ()),
    )


def missing_package_warnings(project: Project, server: ServerName | None = None) -> tuple[str, ...]:
    """Return a warning for each of the `missing_packages`, for images that do not install them.

    Directories of the project may require them.
    """
    dependencies = project.dependencies.value if project.dependencies else None
    if dependencies is None:
        return ()
    names = dependencies.servers if dependencies.local else missing_packages(project, server)
    return tuple(
        f"The application needs {name}, which is not among the dependencies in "
        f"{dependencies.file}. Add it, or it cannot start."
        for name in names
    )


def operand(path: str) -> str:
    """Return *path* in a form that no program mistakes for an option."""
    return f"./{path}" if path.startswith("-") else path


def default_server(project: Project) -> ServerName:
    """Return the project's server, or the one to install."""
    found = project.server.value.name.removeprefix("py") if project.server else ""
    asgi_only = bool(project.asgi and not project.wsgi)
    for name in SERVER_NAMES:
        if name == found and not (asgi_only and name in WSGI_ONLY):
            return name
    return "uvicorn-worker" if asgi_only else "gunicorn"


def _serves_asgi(project: Project, server: ServerName) -> bool:
    """Return whether *server* serves the ASGI application, because of it or of Channels."""
    if server in ASGI_ONLY or server in WSGI_ONLY:
        return server in ASGI_ONLY
    return project.wsgi is None or (project.asgi is not None and "channels" in project.packages)


def _application(project: Project, server: ServerName) -> str:
    """Return ``module:attribute`` of the application that *server* serves."""
    is_asgi = _serves_asgi(project, server)
    kind, fact = ("ASGI", project.asgi) if is_asgi else ("WSGI", project.wsgi)
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
