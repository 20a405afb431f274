"""Collecting the static files that are missing."""

from __future__ import annotations

from typing import Any

from buildstatic.errors import CollectFailed, StaticfilesNotInstalled, StaticRootInvalid
from buildstatic.runtime import site
from buildstatic.runtime.log import error_text, log, timed

APP = "django.contrib.staticfiles"


def collect(*, always: bool) -> None:
    """Run ``collectstatic`` if the files are missing, or *always*.

    Without *always*, a project that collects nothing (no STATIC_ROOT, no staticfiles app) is left
    alone. Raises `StaticfilesNotInstalled`, `StaticRootInvalid` or `CollectFailed`.
    """
    from django.core.management import call_command

    if why := _reason_to_skip(always=always):
        log(f"nothing to collect: {why}")
        return
    site.setup()
    with timed("collected the static files"):
        try:
            call_command("collectstatic", interactive=False)
        except (Exception, SystemExit) as error:
            problem = f"Collecting failed: {error_text(error)}"
            raise CollectFailed(problem, "--traceback shows the full traceback.") from error


def _reason_to_skip(*, always: bool) -> str:
    """Return why nothing has to be collected, or an empty string; with *always* raise instead."""
    from django.conf import settings

    # By name, also of the app's configuration, as apps are not loaded yet.
    if not any(name == APP or name.startswith(f"{APP}.") for name in settings.INSTALLED_APPS):
        if always:
            problem = f"{APP} is not in INSTALLED_APPS, so nothing can be collected."
            raise StaticfilesNotInstalled(problem, "Add it, or omit --collect.")
        return f"{APP} is not in INSTALLED_APPS"
    storage = _make_storage()
    is_local = hasattr(storage, "base_location")
    if storage is None or (is_local and not storage.base_location):
        if always:
            raise StaticRootInvalid("STATIC_ROOT is not set.", "Set it, or omit --collect.")
        return "STATIC_ROOT is not set"
    if always:
        return ""
    if hasattr(storage, "read_manifest"):
        return "the manifest exists" if storage.read_manifest() is not None else ""
    if not is_local:
        return "the files are in remote storage, so whether they exist is unknown"
    try:
        has_files = any(map(len, storage.listdir("")))
    except OSError:
        has_files = False
    return f"{storage.location} has files" if has_files else ""


def _make_storage() -> Any:
    """Return the project's storage, None if it needs STATIC_ROOT, which is not set.

    A storage with a manifest reads it when it is created. Raises `CollectFailed`.
    """
    from django.conf import settings
    from django.contrib.staticfiles.storage import staticfiles_storage
    from django.core.exceptions import ImproperlyConfigured

    try:
        staticfiles_storage.url  # noqa: B018 - creates the storage behind the lazy object
    except (Exception, SystemExit) as error:
        if isinstance(error, ImproperlyConfigured) and not settings.STATIC_ROOT:
            return None
        problem = f"Cannot create the storage of the static files: {error_text(error)}"
        raise CollectFailed(problem, "Check STORAGES in the settings.") from error
    return staticfiles_storage
