"""The last step: this process is replaced by the server."""

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
from buildstatic.runtime.log import log
from buildstatic.runtime.site import Site

PORT = "8000"
SHARED_MEMORY = "/dev/shm"


def command(requested: tuple[str, ...], site: Site) -> tuple[str, ...]:
    """Return the argv that serves *site*, with an absolute program: *requested*, else gunicorn.

    Raises `ServerNotFound` if it is not installed, or if there is no application to serve.
    """
    path = site.environ.get("PATH", os.defpath)
    if requested:
        return (_find(requested[0], path), *requested[1:])
    program = _find("gunicorn", os.pathsep.join((str(Path(sys.executable).parent), path)))
    directory = os.path.relpath(site.directory)
    has_own_tmp_dir = "--worker-tmp-dir" in site.environ.get("GUNICORN_CMD_ARGS", "")
    argv = [program]
    if directory != ".":
        argv.append(f"--chdir={directory}")
    if os.access(SHARED_MEMORY, os.W_OK) and not has_own_tmp_dir:
        # Heartbeats in a file on disk can block a worker for so long that it is killed.
        argv += ["--worker-tmp-dir", SHARED_MEMORY]
    if _has_control_socket():
        argv.append("--no-control-socket")
    return (*argv, *_application(site))


def become(argv: tuple[str, ...], site: Site) -> NoReturn:
    """Replace this process with *argv*, with the environment and signals it was started with.

    PORT gets a default, which gunicorn binds to by default, so that gunicorn's own configuration
    (GUNICORN_CMD_ARGS, gunicorn.conf.py) takes precedence. Raises `ServerNotFound`.
    """
    log(f"starting {shlex.join((Path(argv[0]).name, *argv[1:]))}")
    environ = {**site.environ, "PORT": site.environ.get("PORT") or PORT}
    sys.stdout.flush()
    sys.stderr.flush()
    # Python ignores SIGPIPE, and an ignored signal stays ignored in the new program.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execve(argv[0], argv, environ)
    except OSError as error:
        problem = f"Cannot run the server {argv[0]}: {error.strerror}."
        raise ServerNotFound(problem, "Check its first line and its architecture.") from error


def _find(program: str, path: str) -> str:
    if found := shutil.which(program, path=path):
        return found
    advice = "Name another server after --."
    if program == "gunicorn":
        advice = "Add it to the project's requirements, or name another server after --."
    raise ServerNotFound(f"The server {program} is not installed: PATH is {path}.", advice)


def _has_control_socket() -> bool:
    """Return whether gunicorn is 25.1 or later, which creates a socket below HOME."""
    try:
        major, minor = version("gunicorn").split(".")[:2]
        return (int(major), int(minor)) >= (25, 1)
    except (PackageNotFoundError, ValueError):
        return False


def _application(site: Site) -> tuple[str, ...]:
    """Return the WSGI application, else the ASGI application with its worker class."""
    from django.conf import settings

    package = os.environ["DJANGO_SETTINGS_MODULE"].partition(".")[0]
    if settings.WSGI_APPLICATION:
        return (_operand(settings.WSGI_APPLICATION),)
    if _exists(f"{package}.wsgi"):
        return (f"{package}.wsgi:application",)
    worker = ("--worker-class", "uvicorn_worker.UvicornWorker")
    if asgi := getattr(settings, "ASGI_APPLICATION", None):
        return (*worker, _operand(asgi))
    if _exists(f"{package}.asgi"):
        return (*worker, f"{package}.asgi:application")
    problem = f"WSGI_APPLICATION is not set, and {site.directory} has no {package}/wsgi.py."
    raise ServerNotFound(problem, "Set it in the settings, or name the server after --.")


def _operand(dotted: str) -> str:
    """Return Django's ``package.module.name`` in gunicorn's form, ``package.module:name``."""
    module, _, name = dotted.rpartition(".")
    return f"{module}:{name}"


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
