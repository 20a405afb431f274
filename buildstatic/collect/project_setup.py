"""Start the project in this process through its manage.py."""

from __future__ import annotations

import gc
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import Any

from buildstatic.collect.failures import describe_error, missing_variable_error
from buildstatic.collect.request import Request
from buildstatic.collect.staticfiles import Finder, load_finders, load_storage, run_checks
from buildstatic.errors import BuildstaticError, SettingsInvalid
from buildstatic.manage_py.find import SETTINGS_VARIABLE
from buildstatic.manage_py.run import run_manage_py
from buildstatic.tracebacks import locals_of

# The message of the dynamic linker (glibc).
_NO_LIBRARY = re.compile(r"\b((lib[\w+.-]+)\.so\.(\d+)[\d.]*): cannot open shared object file")


@dataclass(frozen=True)
class StartedProject:
    """The project that this process has become.

    *request* has the settings module that is used. *storage* is the instance behind Django's
    ``staticfiles_storage``, so that changes to it apply to the whole process. *finders* are in the
    order of the settings.
    """

    request: Request
    storage: Any
    finders: tuple[Finder, ...]


def start_project(request: Request, *, with_checks: bool = True) -> StartedProject:
    """Start the project of *request* in this process, and load its storage and finders.

    Django's system checks for static files run unless *with_checks* is false.

    Raises `SettingsInvalid`, `VariablesMissing`, `StaticfilesNotInstalled`, `StaticRootInvalid`, or
    `CollectFailed` if the storage or a finder cannot be created.
    """
    was_enabled = gc.isenabled()
    gc.disable()  # what is loaded here stays
    try:
        request = _run_manage_py(request)
        storage = load_storage(request)
        finders = load_finders(request)
        if with_checks:
            run_checks(request)
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
    return StartedProject(request, storage, finders)


def _run_manage_py(request: Request) -> Request:
    """Run manage.py up to its command, and load the settings and apps.

    The process becomes what collectstatic of manage.py would find. Returns *request* with the
    settings module that is used.
    """
    os.chdir(request.manage.parent)
    arguments = ["collectstatic", *request.options.django_arguments()]
    named = request.settings if request.settings_given else None
    try:
        module = run_manage_py(request.manage, arguments, named)
    except (Exception, SystemExit) as error:
        if isinstance(error, BuildstaticError):
            raise
        subject = f"{request.manage.relative_to(request.root)} cannot be run"
        raise _project_error(subject, error, request) from error
    if module:
        request = replace(request, settings=module)
    os.environ[SETTINGS_VARIABLE] = request.settings
    try:
        from django.conf import settings

        _ = settings.INSTALLED_APPS
    except (Exception, SystemExit) as error:
        subject = f"The settings module {request.settings} cannot be imported"
        raise _project_error(subject, error, request) from error
    try:
        import django

        django.setup()
    except (Exception, SystemExit) as error:
        app = _current_app(error)
        subject = f"The app {app!r} in INSTALLED_APPS" if app else "An app in INSTALLED_APPS"
        raise _project_error(f"{subject} cannot be imported", error, request) from error
    return request


def _project_error(subject: str, error: BaseException, request: Request) -> BuildstaticError:
    if variable := missing_variable_error(error, request):
        return variable
    advice = "Fix it there; --traceback shows the full traceback."
    if "unable to open database file" in str(error):
        advice = f"Create the directory of the SQLite database{_missing_directory(request)}"
    if _runs_git(error):
        advice = (
            "A container build has neither git nor the repository. Read the value from a variable: "
            'os.environ.get("GIT_COMMIT", ""), or catch the error.'
        )
    if library := _missing_library(error):
        advice = (
            "A package loads {}, which is not installed. Its Debian package is usually named {}; "
            'for an image, in pyproject.toml:\n\n[tool.buildstatic]\nrun-packages = ["{}"]'
        ).format(*library, library[-1])
    if isinstance(error, ModuleNotFoundError):
        advice = (
            f"Check the name; install the missing module for {sys.executable}; or, if that is not "
            "the project's Python, name the right one with --python FILE."
        )
    return SettingsInvalid(f"{subject}: {describe_error(error, request)}", advice)


def _missing_library(error: BaseException | None) -> tuple[str, str] | None:
    """Return the shared library that *error* or one of its causes lacks, and its Debian package.

    The name follows from Debian Policy, 8.1. Django's database backends do not name the library.
    """
    while error is not None:
        if found := _NO_LIBRARY.search(str(error)):
            file, name, version = found.groups()
            separator = "-" if name[-1].isdigit() else ""
            return file, f"{name}{separator}{version}".lower().replace("_", "-")
        error = error.__cause__ or error.__context__
    return None


def _runs_git(error: BaseException) -> bool:
    """Return whether *error* is that of `subprocess` for git."""
    if isinstance(error, subprocess.CalledProcessError):
        command = error.cmd.split() if isinstance(error.cmd, str) else error.cmd
        return bool(command) and command[0] == "git"
    return isinstance(error, FileNotFoundError) and error.filename == "git"


def _missing_directory(request: Request) -> str:
    """Return how to create the directory of the default database, as the end of a sentence."""
    from django.conf import settings

    databases = settings.DATABASES if settings.configured else {}
    file = request.manage.parent / str(databases.get("default", {}).get("NAME") or "")
    if file.parent.is_dir():
        return ", and make it writable."
    directory = file.parent.resolve()
    if directory.is_relative_to(request.root):
        directory = directory.relative_to(request.root)
    return f":\n\nmkdir -p {shlex.quote(str(directory))}"


def _current_app(error: BaseException) -> str | None:
    """Return the app that ``Apps.populate`` (django/apps/registry.py) was importing."""
    if entry := locals_of(error, "django.apps.config", "create").get("entry"):
        return str(entry)
    app = locals_of(error, "django.apps.registry", "populate").get("app_config")
    return getattr(app, "name", None)
