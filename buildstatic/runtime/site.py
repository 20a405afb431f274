"""The project that is to be served: its manage.py, its settings, its apps."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from buildstatic.errors import (
    BuildstaticError,
    InterpreterNotFound,
    ProjectNotFound,
    SettingsInvalid,
)
from buildstatic.runtime.blame import missing_variable, words
from buildstatic.runtime.options import Wishes

VARIABLE = "DJANGO_SETTINGS_MODULE"
DEPTH = 2
SKIPPED = {"node_modules", "site-packages", "dist-packages", "__pycache__"}


@dataclass(frozen=True)
class Site:
    """A project whose settings are loaded.

    *directory* is that of manage.py, absolute, or the one that we run in; *environ* is what the
    server is to get.
    """

    directory: Path
    environ: dict[str, str]


def enter(wishes: Wishes, verb: str) -> Site:
    """Make this process the project's, as ``manage.py VERB`` does, and load its settings.

    The directory stays the one that we run in. What else a manage.py of one's own does is not run.

    Raises `ProjectNotFound`, `ProjectNotFound`, `SettingsInvalid`, `SettingsInvalid`,
    `VariablesMissing`, or `InterpreterNotFound` where this Python has no Django.
    """
    environ = dict(os.environ)
    module = wishes.settings or environ.get(VARIABLE)
    manage = _manage(wishes, needed=not module)
    directory = manage.parent if manage else Path.cwd()
    if wishes.settings:
        environ[VARIABLE] = wishes.settings
    if wishes.pythonpath:
        _prepend(environ, str(Path(wishes.pythonpath).absolute()))
    os.environ.update(environ)
    # Not for the server: wsgi.py has a default of its own.
    os.environ[VARIABLE] = module or _default(manage)
    _set_path(directory, wishes.pythonpath)
    sys.argv[:] = [str(manage or "manage.py"), verb]
    _load(os.environ[VARIABLE])
    return Site(directory, environ)


def setup() -> None:
    """Load the apps of the settings; raises `SettingsInvalid` or `VariablesMissing`."""
    try:
        import django

        django.setup()
    except (Exception, SystemExit) as error:
        problem = f"The apps in INSTALLED_APPS do not import: {words(error)}"
        raise missing_variable(error) or SettingsInvalid(problem, _advice(error)) from error


def _manage(wishes: Wishes, needed: bool) -> Path | None:
    if wishes.manage:
        manage = Path(wishes.manage).absolute()
        if not manage.is_file():
            raise ProjectNotFound(f"There is no {wishes.manage}.", "Name the file with --manage.")
        return manage
    found = next((paths for level in _levels(Path.cwd()) if (paths := _in(level))), [])
    if not found and needed:
        problem = f"There is no manage.py in {Path.cwd()} or two levels below, and no {VARIABLE}."
        raise ProjectNotFound(problem, "Run it in the project's directory, or name --manage FILE.")
    if len(found) > 1 and needed:
        names = ", ".join(os.path.relpath(path) for path in found)
        advice = f"Name one: --manage {os.path.relpath(found[0])}"
        raise ProjectNotFound(f"There are several projects here: {names}.", advice)
    return found[0] if len(found) == 1 else None


def _levels(root: Path) -> Iterator[list[Path]]:
    level = [root]
    for _ in range(DEPTH + 1):
        yield level
        level = [below for directory in level for below in _subdirectories(directory)]


def _in(directories: list[Path]) -> list[Path]:
    return [path for place in directories if _is_file(path := place / "manage.py")]


def _subdirectories(directory: Path) -> list[Path]:
    try:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [directory / name for name in names if _is_own(directory / name)]


def _is_own(directory: Path) -> bool:
    name = directory.name
    is_foreign = name.startswith(".") or name in SKIPPED or _is_file(directory / "pyvenv.cfg")
    return not is_foreign


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises where a parent is closed


def _default(manage: Path | None) -> str:
    """Return what *manage* sets DJANGO_SETTINGS_MODULE to where the environment does not."""
    assert manage is not None
    try:
        tree = ast.parse(manage.read_bytes(), str(manage))
    except (SyntaxError, ValueError, OSError) as error:
        raise SettingsInvalid(f"{manage} cannot be read: {error}.", _NAME) from error
    for node in ast.walk(tree):
        match node:
            case (
                ast.Call(args=[ast.Constant(value=name), ast.Constant(value=str(module))])
                | ast.Assign(
                    targets=[ast.Subscript(slice=ast.Constant(value=name))],
                    value=ast.Constant(value=str(module)),
                )
            ) if name == VARIABLE:
                return module
    raise SettingsInvalid(f"{manage} names no settings module.", _NAME)


_NAME = f"Name it with --settings, or in {VARIABLE}."


def _prepend(environ: dict[str, str], directory: str) -> None:
    before = environ.get("PYTHONPATH")
    environ["PYTHONPATH"] = f"{directory}{os.pathsep}{before}" if before else directory


def _set_path(directory: Path, pythonpath: str | None) -> None:
    first = [*([str(Path(pythonpath).absolute())] if pythonpath else []), str(directory)]
    sys.path[:] = [*first, *(path for path in sys.path if path not in ("", *first))]


def _load(module: str) -> None:
    try:
        from django.conf import settings
    except ImportError as error:
        problem = f"{sys.executable} has no Django to import: {words(error)}"
        advice = "Install buildstatic in the project's, with --no-deps, and run it there."
        raise InterpreterNotFound(problem, advice) from error
    try:
        _ = settings.INSTALLED_APPS
    except (Exception, SystemExit) as error:
        raise _broken(error, module) from error


def _broken(error: BaseException, module: str) -> BuildstaticError:
    if isinstance(error, ModuleNotFoundError) and _is_or_holds(error.name or "", module):
        problem = f"There is no module {module!r}, which the settings are to be."
        return SettingsInvalid(problem, _NAME)
    problem = f"The settings {module} do not import: {words(error)}"
    return missing_variable(error) or SettingsInvalid(problem, _advice(error))


def _is_or_holds(name: str, module: str) -> bool:
    return f"{module}.".startswith(f"{name}.")


def _advice(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"Install what is missing for {sys.executable}, or mend the name."
    return "Mend it there; --traceback shows the whole way to it."
