"""What Django's staticfiles app has in the started project: its storage, finders and checks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildstatic.collect.failures import describe_error, finder_error, missing_variable_error
from buildstatic.collect.request import Request
from buildstatic.errors import (
    CollectFailed,
    SettingsInvalid,
    StaticfilesNotInstalled,
    StaticRootInvalid,
)

_STATICFILES = "django.contrib.staticfiles"


@dataclass(frozen=True)
class Finder:
    """A finder and its name in STATICFILES_FINDERS."""

    name: str
    finder: Any


def load_storage(request: Request) -> Any:
    """Return the instance behind ``staticfiles_storage``.

    Raises `StaticfilesNotInstalled`, `StaticRootInvalid`, `VariablesMissing` or `CollectFailed`.
    """
    from django.apps import apps
    from django.conf import STATICFILES_STORAGE_ALIAS
    from django.core.files.storage import FileSystemStorage, storages

    if not apps.is_installed(_STATICFILES):
        problem = f"{_STATICFILES} is not in INSTALLED_APPS of {request.settings}."
        raise StaticfilesNotInstalled(problem, f'Add it:\n\n    "{_STATICFILES}",')
    try:
        storage = unwrap(storages[STATICFILES_STORAGE_ALIAS])
    except (Exception, SystemExit) as error:
        if variable := missing_variable_error(error, request):
            raise variable from error
        problem = f"The static files storage cannot be created: {describe_error(error, request)}"
        advice = 'Check STORAGES["staticfiles"] in the settings.'
        raise CollectFailed(problem, advice) from error
    # StaticFilesStorage.__init__ accepts an empty location.
    if isinstance(storage, FileSystemStorage) and not storage.location:
        problem = f"STATIC_ROOT is not set in {request.settings}."
        raise StaticRootInvalid(problem, f"Add to the settings:\n\n    {_static_root_line()}")
    return storage


def unwrap(storage: Any) -> Any:
    """Return the storage behind a lazy one: ``staticfiles_storage``, ``default_storage``."""
    from django.utils.functional import LazyObject, empty

    while isinstance(storage, LazyObject):
        if storage._wrapped is empty:
            storage._setup()
        storage = storage._wrapped
    return storage


def _static_root_line() -> str:
    from django.conf import settings

    match getattr(settings, "BASE_DIR", None):
        case Path():
            return 'STATIC_ROOT = BASE_DIR / "staticfiles"'
        case str():
            return 'STATIC_ROOT = os.path.join(BASE_DIR, "staticfiles")'
        case _:
            return 'STATIC_ROOT = Path(__file__).resolve().parent.parent / "staticfiles"'


def load_finders(request: Request) -> tuple[Finder, ...]:
    """Return the finders of the started project, in their order.

    Raises `CollectFailed` or `VariablesMissing` for one that cannot be created.
    """
    from django.conf import settings
    from django.contrib.staticfiles.finders import get_finder

    finders = []
    for name in settings.STATICFILES_FINDERS:
        try:
            finders.append(Finder(name, get_finder(name)))
        except (Exception, SystemExit) as error:
            raise finder_error(name, error, request) from error
    return tuple(finders)


def run_checks(request: Request) -> None:
    """Run the system checks that collectstatic runs; an error has Django's message."""
    from django.contrib.staticfiles.management.commands.collectstatic import Command
    from django.core.checks import Tags
    from django.core.management.base import SystemCheckError

    try:
        Command().check(tags=[Tags.staticfiles])
    except SystemCheckError as error:
        raise SettingsInvalid(str(error).strip(), "Fix the settings that it names.") from error
    except (Exception, SystemExit) as error:
        problem = f"A system check of the static files failed: {describe_error(error, request)}"
        raise CollectFailed(problem) from error
