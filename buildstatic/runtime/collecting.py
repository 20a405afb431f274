"""The step that collects the static files, where they are not there."""

from __future__ import annotations

from typing import Any

from buildstatic.errors import CollectFailed, StaticfilesNotInstalled, StaticRootInvalid
from buildstatic.runtime import site
from buildstatic.runtime.blame import words
from buildstatic.runtime.log import say, timed

APP = "django.contrib.staticfiles"


def collect(*, always: bool) -> None:
    """Collect if the tree is not there, or *always*, as ``manage.py collectstatic`` does.

    Without *always*, a project that collects nothing (no STATIC_ROOT, no staticfiles app) is left
    as it is. Raises `StaticfilesNotInstalled`, `StaticRootInvalid` or `CollectFailed`.
    """
    if not always and (why := _why_not()):
        say(f"nothing to collect: {why}")
        return
    if always:
        _check()
    site.setup()
    with timed("collected the static files"):
        _run()


def _run() -> None:
    from django.core.management import call_command

    try:
        call_command("collectstatic", interactive=False)
    except (Exception, SystemExit) as error:
        problem = f"Collecting failed: {words(error)}"
        raise CollectFailed(problem, "--traceback shows the whole way to it.") from error


def _check() -> None:
    if not _is_installed():
        problem = f"{APP} is not in INSTALLED_APPS, so nothing collects."
        raise StaticfilesNotInstalled(problem, "Add it, or leave out --collect.")
    if _has_no_place(_storage()):
        raise StaticRootInvalid(_NO_PLACE, _LEAVE_OUT)


_NO_PLACE = "STATIC_ROOT is not set: there is no place to collect to."
_LEAVE_OUT = "Set it, or leave out --collect."


def _why_not() -> str:
    """Return why nothing is to be collected, or an empty string."""
    if not _is_installed():
        return f"{APP} is not in INSTALLED_APPS"
    try:
        storage = _storage()
    except StaticRootInvalid:
        return "STATIC_ROOT is not set"
    if _has_no_place(storage):
        return "STATIC_ROOT is not set"
    if hasattr(storage, "read_manifest"):
        return "the manifest is there" if storage.read_manifest() is not None else ""
    if not _is_local(storage):
        return "the files are kept elsewhere, and there is no telling whether they are there"
    return f"{storage.location} is there" if _has_files(storage) else ""


def _is_installed() -> bool:
    """Tell by the name, or that of the app's configuration: apps are not loaded yet."""
    from django.conf import settings

    return any(name == APP or name.startswith(f"{APP}.") for name in settings.INSTALLED_APPS)


def _storage() -> Any:
    """Return the project's storage; one with a manifest reads it when it is made."""
    from django.conf import settings
    from django.contrib.staticfiles.storage import staticfiles_storage
    from django.core.exceptions import ImproperlyConfigured

    try:
        staticfiles_storage.url  # noqa: B018 - makes it
    except (Exception, SystemExit) as error:
        if isinstance(error, ImproperlyConfigured) and not settings.STATIC_ROOT:
            raise StaticRootInvalid(_NO_PLACE, _LEAVE_OUT) from error
        problem = f"The storage of the static files cannot be made: {words(error)}"
        raise CollectFailed(problem, "It is what STORAGES names in the settings.") from error
    return staticfiles_storage


def _is_local(storage: Any) -> bool:
    return hasattr(storage, "base_location")


def _has_no_place(storage: Any) -> bool:
    return _is_local(storage) and not storage.base_location


def _has_files(storage: Any) -> bool:
    try:
        return any(map(len, storage.listdir("")))
    except OSError:
        return False
