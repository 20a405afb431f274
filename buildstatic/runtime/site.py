"""The project that is served: its manage.py, its settings, its apps, and its server."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from buildstatic.errors import (
    BuildstaticError,
    InterpreterNotFound,
    ProjectNotFound,
    ServerNotFound,
    SettingsInvalid,
)
from buildstatic.manage_py.find import SETTINGS_VARIABLE, manage_py_candidates
from buildstatic.manage_py.run import run_manage_py
from buildstatic.runtime.log import error_text, log, missing_variable_error
from buildstatic.runtime.options import RuntimeOptions

PORT = "8000"
SHARED_MEMORY = "/dev/shm"
_NAME_SETTINGS = f"Set --settings, or {SETTINGS_VARIABLE}."


@dataclass(frozen=True)
class Site:
    """A project whose settings are loaded.

    *directory* is that of manage.py, absolute, or the current one. *current* is the current
    directory and *environ* the environment for the server; manage.py may have changed both.
    """

    directory: Path
    current: Path
    environ: dict[str, str]


def enter(options: RuntimeOptions, verb: str) -> Site:
    """Run manage.py as ``manage.py VERB``, up to the command, and load the project's settings.

    Without a manage.py, the settings module has to be named, and only the settings are loaded.

    Raises `ProjectNotFound`, `SettingsInvalid`, `VariablesMissing`, or `InterpreterNotFound` if
    this Python has no Django.
    """
    environ = dict(os.environ)
    named = options.settings or environ.get(SETTINGS_VARIABLE)
    manage = _find_manage_py(options, is_required=not named)
    site = Site(manage.resolve().parent if manage else Path.cwd(), Path.cwd(), environ)
    if options.settings:
        environ[SETTINGS_VARIABLE] = options.settings
    arguments, first = [verb], [str(site.directory)]
    if options.pythonpath:
        path = str(Path(options.pythonpath).absolute())
        arguments.append(f"--pythonpath={path}")
        first.insert(0, path)
        before = environ.get("PYTHONPATH")
        environ["PYTHONPATH"] = f"{path}{os.pathsep}{before}" if before else path
    os.environ.update(environ)
    if manage:
        named = _run_manage_py(manage, arguments, named)
    else:
        assert named is not None
        sys.path[:] = [*first, *(path for path in sys.path if path not in ("", *first))]
        sys.argv[:] = ["manage.py", *arguments]
    # Only in this process: wsgi.py has a default of its own.
    os.environ[SETTINGS_VARIABLE] = named
    _load_settings(named)
    return site


def setup() -> None:
    """Load the apps of the settings; raises `SettingsInvalid` or `VariablesMissing`."""
    try:
        import django

        django.setup()
    except (Exception, SystemExit) as error:
        problem = f"The apps in INSTALLED_APPS cannot be imported: {error_text(error)}"
        raise missing_variable_error(error) or SettingsInvalid(problem, _advice(error)) from error


def _find_manage_py(options: RuntimeOptions, *, is_required: bool) -> Path | None:
    if options.manage:
        manage = Path(options.manage).absolute()
        if not manage.is_file():
            raise ProjectNotFound(f"{options.manage} does not exist.", "Correct --manage FILE.")
        return manage
    found = manage_py_candidates(Path.cwd())
    if not found and is_required:
        problem = f"No manage.py found in {Path.cwd()} or up to two levels below it, and "
        problem += f"{SETTINGS_VARIABLE} is not set."
        raise ProjectNotFound(problem, "Run it in the project's directory, or set --manage FILE.")
    if len(found) > 1 and is_required:
        names = [os.path.relpath(path) for path in found]
        problem = f"Several projects found: {', '.join(names)}."
        raise ProjectNotFound(problem, f"Choose one: --manage {names[0]}")
    return found[0] if len(found) == 1 else None


def _run_manage_py(manage: Path, arguments: list[str], settings: str | None) -> str:
    """Run *manage* up to its command; return the settings module."""
    try:
        import django.core.management  # noqa: F401
    except ImportError as error:
        raise _no_django(error) from error
    try:
        module = run_manage_py(manage, arguments, settings)
    except (Exception, SystemExit) as error:
        if isinstance(error, BuildstaticError):
            raise
        problem = f"{manage.name} cannot be run: {error_text(error)}"
        raise missing_variable_error(error) or SettingsInvalid(problem, _advice(error)) from error
    if not module:
        raise SettingsInvalid(f"{manage} does not set a settings module.", _NAME_SETTINGS)
    return module


def _no_django(error: BaseException) -> InterpreterNotFound:
    problem = f"{sys.executable} cannot import Django: {error_text(error)}"
    advice = "Install buildstatic in the project's environment, with --no-deps."
    return InterpreterNotFound(problem, advice)


def _load_settings(module: str) -> None:
    try:
        from django.conf import settings
    except ImportError as error:
        raise _no_django(error) from error
    try:
        _ = settings.INSTALLED_APPS
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            problem = f"The settings module {module!r} does not exist."
            raise SettingsInvalid(problem, _NAME_SETTINGS) from error
        problem = f"The settings {module} cannot be imported: {error_text(error)}"
        raise missing_variable_error(error) or SettingsInvalid(problem, _advice(error)) from error


def _advice(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"Install the module for {sys.executable}, or correct its name."
    return "Fix it there; --traceback shows the full traceback."


def server_command(requested: tuple[str, ...], site: Site) -> tuple[str, ...]:
    """Return the argv that serves *site*, with an absolute program.

    It is *requested*, else gunicorn, else another server that is installed. Raises `ServerNotFound`
    if it is not installed, or if there is no application to serve.
    """
    path = site.environ.get("PATH", os.defpath)
    if requested:
        if program := shutil.which(requested[0], path=path):
            return (program, *requested[1:])
        problem = f"The server {requested[0]} is not installed: PATH is {path}."
        raise ServerNotFound(problem, "Name another server after --.")
    path = os.pathsep.join((str(Path(sys.executable).parent), path))
    wsgi, asgi = _applications()
    if not wsgi and not asgi:
        package = os.environ[SETTINGS_VARIABLE].partition(".")[0]
        problem = f"WSGI_APPLICATION is not set, and {site.directory} has no {package}/wsgi.py."
        raise ServerNotFound(problem, "Set it in the settings, or name the server after --.")
    directory = os.path.relpath(site.directory, site.current)
    gunicorn = shutil.which("gunicorn", path=path)
    if gunicorn and (wsgi or _is_module("uvicorn_worker")):
        return _gunicorn(gunicorn, directory, wsgi, asgi, site)
    for name, *words in _other_servers(wsgi, asgi, site):
        if program := shutil.which(name, path=path):
            argv = (program, *words)
            env = shutil.which("env", path=path) or "env"
            return argv if directory == "." else (env, f"--chdir={directory}", *argv)
    if gunicorn:
        problem = "The project has only an ASGI application, and uvicorn-worker is not installed."
        raise ServerNotFound(problem, "Add it to the project's requirements.")
    problem = f"The server gunicorn is not installed, and no other is: PATH is {path}."
    advice = "Add it to the project's requirements, or name another server after --."
    raise ServerNotFound(problem, advice)


def _gunicorn(program: str, directory: str, wsgi: str, asgi: str, site: Site) -> tuple[str, ...]:
    has_own_tmp_dir = "--worker-tmp-dir" in site.environ.get("GUNICORN_CMD_ARGS", "")
    argv = [program]
    if directory != ".":
        argv.append(f"--chdir={directory}")
    if os.access(SHARED_MEMORY, os.W_OK) and not has_own_tmp_dir:
        # Heartbeats in a file on disk can block a worker for so long that it is killed.
        argv += ["--worker-tmp-dir", SHARED_MEMORY]
    if _has_control_socket():
        argv.append("--no-control-socket")
    worker = () if wsgi else ("--worker-class", "uvicorn_worker.UvicornWorker")
    return (*argv, *worker, wsgi or asgi)


def _other_servers(wsgi: str, asgi: str, site: Site) -> Iterator[tuple[str, ...]]:
    """Yield the commands that serve the applications, the preferred server first.

    The servers that serve both get the ASGI application with Channels, which requires it. The
    options are those of `buildstatic.platforms.server`.
    """
    from django.conf import settings

    port, workers = site.environ.get("PORT") or PORT, site.environ.get("WEB_CONCURRENCY") or "1"
    is_asgi = not wsgi or (bool(asgi) and "channels" in settings.INSTALLED_APPS)
    application = asgi if is_asgi else wsgi
    bind, host = f"0.0.0.0:{port}", ("--host", "0.0.0.0", "--port", port)
    interface = ("--interface", "asginl" if is_asgi else "wsgi")
    yield ("granian", *interface, *host, "--workers", workers, application)
    if wsgi:
        options = ("--master", "--die-on-term", "--need-app", "--enable-threads")
        yield ("uwsgi", "--http-socket", bind, "--module", wsgi, *options, "--processes", workers)
    if asgi:
        yield ("uvicorn", *host, asgi)  # reads WEB_CONCURRENCY itself
        yield ("daphne", "--bind", "0.0.0.0", "--port", port, asgi)
    prefix = "" if is_asgi else "wsgi:"
    yield ("hypercorn", "--bind", bind, "--workers", workers, f"{prefix}{application}")
    if wsgi:
        yield ("waitress-serve", f"--listen={bind}", wsgi)


def become_server(argv: tuple[str, ...], site: Site) -> NoReturn:
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
        os.chdir(site.current)
        os.execve(argv[0], argv, environ)
    except OSError as error:
        problem = f"Cannot run the server {argv[0]}: {error.strerror}."
        raise ServerNotFound(problem, "Check its first line and its architecture.") from error


def _has_control_socket() -> bool:
    """Return whether gunicorn is 25.1 or later, which creates a socket below HOME."""
    try:
        major, minor = version("gunicorn").split(".")[:2]
        return (int(major), int(minor)) >= (25, 1)
    except (PackageNotFoundError, ValueError):
        return False


def _applications() -> tuple[str, str]:
    """Return ``module:name`` of the WSGI and ASGI application, each empty if there is none."""
    from django.conf import settings

    package = os.environ[SETTINGS_VARIABLE].partition(".")[0]

    def find(kind: str) -> str:
        module, _, name = (getattr(settings, f"{kind}_APPLICATION", "") or "").rpartition(".")
        if module:
            return f"{module}:{name}"
        module = f"{package}.{kind.lower()}"
        return f"{module}:application" if _is_module(module) else ""

    return find("WSGI"), find("ASGI")


def _is_module(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
