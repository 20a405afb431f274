"""The project that is served: its manage.py, its settings, its apps."""

from __future__ import annotations

import ast
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from buildstatic.errors import InterpreterNotFound, ProjectNotFound, SettingsInvalid
from buildstatic.manage_py import SETTINGS_VARIABLE, manage_py_candidates, settings_modules
from buildstatic.runtime.log import error_text, missing_variable
from buildstatic.runtime.options import RuntimeOptions

_NAME_SETTINGS = f"Set --settings, or {SETTINGS_VARIABLE}."


@dataclass(frozen=True)
class Site:
    """A project whose settings are loaded.

    *directory* is that of manage.py, absolute, or the current one; *environ* is the environment
    for the server.
    """

    directory: Path
    environ: dict[str, str]


def enter(options: RuntimeOptions, verb: str) -> Site:
    """Set up this process as ``manage.py VERB`` does, and load the project's settings.

    The current directory stays the same, and other code in manage.py is not run.

    Raises `ProjectNotFound`, `SettingsInvalid`, `VariablesMissing`, or `InterpreterNotFound` if
    this Python has no Django.
    """
    environ = dict(os.environ)
    module = options.settings or environ.get(SETTINGS_VARIABLE)
    manage = _find_manage_py(options, is_required=not module)
    directory = manage.parent if manage else Path.cwd()
    if options.settings:
        environ[SETTINGS_VARIABLE] = options.settings
    first = [str(directory)]
    if options.pythonpath:
        path = str(Path(options.pythonpath).absolute())
        first.insert(0, path)
        before = environ.get("PYTHONPATH")
        environ["PYTHONPATH"] = f"{path}{os.pathsep}{before}" if before else path
    os.environ.update(environ)
    if not module:
        assert manage is not None
        module = _settings_of(manage)
    # Only in this process: wsgi.py has a default of its own.
    os.environ[SETTINGS_VARIABLE] = module
    sys.path[:] = [*first, *(path for path in sys.path if path not in ("", *first))]
    sys.argv[:] = [str(manage or "manage.py"), verb]
    _load_settings(module)
    return Site(directory, environ)


def setup() -> None:
    """Load the apps of the settings; raises `SettingsInvalid` or `VariablesMissing`."""
    try:
        import django

        django.setup()
    except (Exception, SystemExit) as error:
        problem = f"The apps in INSTALLED_APPS cannot be imported: {error_text(error)}"
        raise missing_variable(error) or SettingsInvalid(problem, _advice(error)) from error


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


def _settings_of(manage: Path) -> str:
    """Return the settings module that *manage* sets if the environment has none."""
    try:
        tree = ast.parse(manage.read_bytes(), str(manage))
    except (SyntaxError, ValueError, OSError) as error:
        raise SettingsInvalid(f"Cannot read {manage}: {error}.", _NAME_SETTINGS) from error
    for module, _ in settings_modules(tree):
        return module
    raise SettingsInvalid(f"{manage} does not set a settings module.", _NAME_SETTINGS)


def _load_settings(module: str) -> None:
    try:
        from django.conf import settings
    except ImportError as error:
        problem = f"{sys.executable} cannot import Django: {error_text(error)}"
        advice = "Install buildstatic in the project's environment, with --no-deps."
        raise InterpreterNotFound(problem, advice) from error
    try:
        _ = settings.INSTALLED_APPS
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            problem = f"The settings module {module!r} does not exist."
            raise SettingsInvalid(problem, _NAME_SETTINGS) from error
        problem = f"The settings {module} cannot be imported: {error_text(error)}"
        raise missing_variable(error) or SettingsInvalid(problem, _advice(error)) from error


def _advice(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"Install the module for {sys.executable}, or correct its name."
    return "Fix it there; --traceback shows the full traceback."
