"""The second step: the project's own storage, and Django's checks of what it is told to collect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from buildstatic.collect.blame import missing_variable, place, words
from buildstatic.collect.request import Request
from buildstatic.errors import (
    CollectFailed,
    SettingsInvalid,
    StaticfilesNotInstalled,
    StaticRootInvalid,
)


def load_storage(request: Request) -> Any:
    """Return the storage that the started project keeps its static files in.

    It is the instance behind Django's ``staticfiles_storage``, so that whatever is changed on it
    holds for the whole process.

    Raises `StaticfilesNotInstalled`, `StaticRootInvalid`, `VariablesMissing`, or `CollectFailed`
    if the storage cannot be made.
    """
    from django.apps import apps
    from django.conf import STATICFILES_STORAGE_ALIAS
    from django.core.files.storage import storages

    if not apps.is_installed("django.contrib.staticfiles"):
        problem = f"django.contrib.staticfiles is not in INSTALLED_APPS of {request.settings}."
        raise StaticfilesNotInstalled(problem, f"Add to it:\n\n    {_STATICFILES}")
    try:
        storage = storages[STATICFILES_STORAGE_ALIAS]
    except (Exception, SystemExit) as error:
        if variable := missing_variable(error, request):
            raise variable from error
        problem = f"The storage of the static files cannot be made: {place(error, request)}"
        advice = 'It is what STORAGES["staticfiles"] names in the settings.'
        raise CollectFailed(problem + words(error), advice) from error
    _check_location(request, storage)
    return storage


_STATICFILES = '"django.contrib.staticfiles",'


def _check_location(request: Request, storage: Any) -> None:
    """Refuse a storage on disk that has no location (``StaticFilesStorage.__init__``)."""
    from django.core.files.storage import FileSystemStorage

    if isinstance(storage, FileSystemStorage) and not storage.location:
        problem = f"STATIC_ROOT is not set in {request.settings}: there is no place to collect to."
        raise StaticRootInvalid(problem, f"Add to the settings:\n\n    {_static_root_line()}")


def _static_root_line() -> str:
    from django.conf import settings

    match getattr(settings, "BASE_DIR", None):
        case Path():
            return 'STATIC_ROOT = BASE_DIR / "staticfiles"'
        case str():
            return 'STATIC_ROOT = os.path.join(BASE_DIR, "staticfiles")'
        case _:
            return 'STATIC_ROOT = Path(__file__).resolve().parent.parent / "staticfiles"'


def run_checks(request: Request) -> None:
    """Run the system checks that collectstatic runs before it collects.

    Raises `SettingsInvalid` with Django's own words, or `CollectFailed` if a check itself raises.
    """
    from django.contrib.staticfiles.management.commands.collectstatic import Command
    from django.core.checks import Tags
    from django.core.management.base import SystemCheckError

    try:
        Command().check(tags=[Tags.staticfiles])
    except SystemCheckError as error:
        raise SettingsInvalid(str(error).strip(), "Mend the settings that it names.") from error
    except (Exception, SystemExit) as error:
        where = place(error, request)
        problem = f"A check of the static files' settings raised: {where}{words(error)}"
        raise CollectFailed(problem) from error
