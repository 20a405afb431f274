"""The first step: this process becomes the project's, as ``manage.py`` would make it."""

from __future__ import annotations

import os
import sys

from buildstatic.collect.blame import locals_of, missing_variable, place, words
from buildstatic.collect.request import Request, django_arguments
from buildstatic.errors import BuildstaticError, SettingsInvalid


def start(request: Request) -> None:
    """Enter the project of *request*: its directory, its path, its settings, its apps.

    The project sees what it sees under ``manage.py collectstatic``: the directory of manage.py
    first on ``sys.path``, and the same words in ``sys.argv``, which settings are known to read.
    What else a manage.py of one's own does in its ``main`` is not run.

    Raises `SettingsInvalid` or `VariablesMissing`.
    """
    _enter(request)
    try:
        from django.conf import settings

        _ = settings.INSTALLED_APPS
    except (Exception, SystemExit) as error:
        raise _settings_broken(error, request) from error
    try:
        import django

        django.setup()
    except (Exception, SystemExit) as error:
        raise _apps_broken(error, request) from error


def _enter(request: Request) -> None:
    directory = str(request.directory)
    os.chdir(directory)
    sys.path[:] = [directory, *(path for path in sys.path if path not in ("", directory))]
    sys.argv[:] = [request.manage, "collectstatic", *django_arguments(request)]
    os.environ["DJANGO_SETTINGS_MODULE"] = request.settings


def _settings_broken(error: BaseException, request: Request) -> BuildstaticError:
    if variable := missing_variable(error, request):
        return variable
    where = place(error, request)
    problem = f"The settings {request.settings} do not import: {where}{words(error)}"
    return SettingsInvalid(problem, _advice(error))


def _apps_broken(error: BaseException, request: Request) -> BuildstaticError:
    if variable := missing_variable(error, request):
        return variable
    app = _app_at_work(error)
    subject = f"The app {app!r} in INSTALLED_APPS does" if app else "The project's apps do"
    problem = f"{subject} not import: {place(error, request)}{words(error)}"
    return SettingsInvalid(problem, _advice(error))


def _advice(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return (
            f"Check the name; install what is missing for {sys.executable}; or, if that is not "
            "the project's Python, name the right one with --python FILE."
        )
    return "Mend it there; --traceback shows the whole way to it."


def _app_at_work(error: BaseException) -> str | None:
    """Return the app that ``Apps.populate`` (django/apps/registry.py) was at when *error* rose."""
    if entry := locals_of(error, "django.apps.config", "create").get("entry"):
        return str(entry)
    app = locals_of(error, "django.apps.registry", "populate").get("app_config")
    return getattr(app, "name", None)
