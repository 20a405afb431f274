"""The last step: this process becomes the server."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from buildstatic.errors import ServerNotFound
from buildstatic.runtime.log import say
from buildstatic.runtime.site import Site

PORT = "8000"
SHARED_MEMORY = "/dev/shm"


def command(wished: tuple[str, ...], site: Site) -> tuple[str, ...]:
    """Return the argv that serves *site*: what was *wished*, else gunicorn; the first is a path.

    Raises `ServerNotFound` where that is not installed, or there is nothing to serve.
    """
    if wished:
        return (_found(wished[0], site.environ.get("PATH", os.defpath)), *wished[1:])
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join((beside, site.environ.get("PATH", os.defpath)))
    return (_found("gunicorn", path), *_options(site), *_application(site))


def become(argv: tuple[str, ...], site: Site) -> NoReturn:
    """Replace this process with *argv*, as it was started: its environment, its signals.

    PORT has a value where it had none, which is what gunicorn binds to by itself; so its own
    configuration, in GUNICORN_CMD_ARGS or gunicorn.conf.py, goes first. Raises `ServerNotFound`.
    """
    say(f"starting {shlex.join((Path(argv[0]).name, *argv[1:]))}")
    environ = {**site.environ, "PORT": site.environ.get("PORT") or PORT}
    sys.stdout.flush()
    sys.stderr.flush()
    # Python ignores it, and what is ignored stays so.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execve(argv[0], argv, environ)
    except OSError as error:
        problem = f"The server {argv[0]} cannot be run: {error.strerror}."
        raise ServerNotFound(
            problem, "Look at its first line, and what it was built for."
        ) from error


def _found(program: str, path: str) -> str:
    found = shutil.which(program, path=path)
    if found:
        return found
    advice = "Name another after --."
    if program == "gunicorn":
        advice = "Add it to the project's requirements, or name another server after --."
    raise ServerNotFound(f"The server {program} is not installed: PATH is {path}.", advice)


def _options(site: Site) -> tuple[str, ...]:
    directory = os.path.relpath(site.directory)
    shared = os.access(SHARED_MEMORY, os.W_OK) and not _is_configured("worker-tmp-dir", site)
    return (
        *((f"--chdir={directory}",) if directory != "." else ()),
        # Heartbeats in a file on disk can stall a worker for long enough to be killed.
        *(("--worker-tmp-dir", SHARED_MEMORY) if shared else ()),
        *(("--no-control-socket",) if _has_control_socket() else ()),
    )


def _is_configured(option: str, site: Site) -> bool:
    return f"--{option}" in site.environ.get("GUNICORN_CMD_ARGS", "")


def _has_control_socket() -> bool:
    """Tell whether gunicorn is 25.1 or later, which writes a socket below HOME."""
    try:
        major, minor = version("gunicorn").split(".")[:2]
        return (int(major), int(minor)) >= (25, 1)
    except (PackageNotFoundError, ValueError):
        return False


def _application(site: Site) -> tuple[str, ...]:
    from django.conf import settings

    package = os.environ["DJANGO_SETTINGS_MODULE"].partition(".")[0]
    if settings.WSGI_APPLICATION:
        return (_operand(settings.WSGI_APPLICATION),)
    if _exists(f"{package}.wsgi"):
        return (f"{package}.wsgi:application",)
    worker = ("--worker-class", "uvicorn_worker.UvicornWorker")
    if named := getattr(settings, "ASGI_APPLICATION", None):
        return (*worker, _operand(named))
    if _exists(f"{package}.asgi"):
        return (*worker, f"{package}.asgi:application")
    problem = (
        f"The settings name no WSGI_APPLICATION, and {site.directory} has no {package}/wsgi.py."
    )
    raise ServerNotFound(problem, "Set it, or name the server after --.")


def _operand(dotted: str) -> str:
    """Return Django's ``package.module.name`` as gunicorn has it."""
    module, _, name = dotted.rpartition(".")
    return f"{module}:{name}"


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
