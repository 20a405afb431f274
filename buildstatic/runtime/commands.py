"""``start`` and ``release``, from their first step to their exit code."""

from __future__ import annotations

import signal
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from buildstatic.atomic import PREFIX
from buildstatic.errors import (
    CollectFailed,
    LockUnsupported,
    MigrationsFailed,
    StaticfilesNotInstalled,
    StaticRootInvalid,
)
from buildstatic.runtime import databases, locks, signals, site
from buildstatic.runtime.log import error_text, log, timed
from buildstatic.runtime.options import RELEASE, RuntimeOptions
from buildstatic.tracebacks import locals_of

STATICFILES = "django.contrib.staticfiles"


def run(name: str, options: RuntimeOptions) -> int:
    """Run the command *name* and return its exit code; ``start`` returns only if it fails.

    A signal that ends it gives 128 plus its number. Raises the `BuildstaticError` of a step.
    """
    signals.install_handlers()
    try:
        (release if name == RELEASE.name else start)(options)
    except signals.Ended as ended:
        if ended.status > 128:
            log(f"ended by {signal.Signals(ended.status - 128).name}")
        return ended.status
    return 0


def start(options: RuntimeOptions) -> None:
    """Collect what is missing, wait, migrate if requested, then become the server.

    The server's command is determined first: nothing runs if there is no server. Without a lock,
    several replicas would migrate at the same time, so `LockUnsupported` is raised.
    """
    project = site.enter(options, "migrate" if options.migrate else "start")
    argv = site.server_command(options.command, project)
    collect_missing(always=options.collect)
    aliases = _wait_for_databases(options)
    if options.migrate:
        site.setup()
        for alias in aliases:
            locks.check_vendor(databases.vendor(alias))
            with locks.migration_lock(alias, options.lock_timeout):
                if _is_migrated(alias):
                    log(f"nothing to migrate in {alias}")
                else:
                    _migrate(alias)
    site.become_server(argv, project)


def release(options: RuntimeOptions) -> None:
    """Wait for the databases, then migrate them.

    One process releases, so a database that has no lock is migrated without, with a warning.
    """
    site.enter(options, "migrate")
    aliases = _wait_for_databases(options)
    site.setup()
    for alias in aliases:
        try:
            locks.check_vendor(databases.vendor(alias))
        except LockUnsupported as error:
            log(f"warning: migrating without a lock. {error.problem}")
            lock: AbstractContextManager[None] = nullcontext()
        else:
            lock = locks.migration_lock(alias, options.lock_timeout)
        with lock:
            _migrate(alias)


def collect_missing(*, always: bool) -> None:
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
    if not any(
        name == STATICFILES or name.startswith(f"{STATICFILES}.")
        for name in settings.INSTALLED_APPS
    ):
        if always:
            problem = f"{STATICFILES} is not in INSTALLED_APPS, so nothing can be collected."
            raise StaticfilesNotInstalled(problem, "Add it, or omit --collect.")
        return f"{STATICFILES} is not in INSTALLED_APPS"
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
        names = [name for listed in storage.listdir("") for name in listed]
    except OSError:
        names = []
    # What a collector that was killed, or a command after it that failed, leaves.
    is_complete = not any(name.startswith(PREFIX) for name in names)
    return f"{storage.location} has files" if names and is_complete else ""


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


def _wait_for_databases(options: RuntimeOptions) -> tuple[str, ...]:
    """Wait for the selected databases and return their aliases."""
    aliases = databases.select(options.database)
    if not aliases:
        log("DATABASES has no database: nothing to wait for")
    deadline = time.monotonic() + options.wait
    for alias in aliases:
        databases.wait_for(alias, deadline)
    return aliases


def _is_migrated(alias: str) -> bool:
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    try:
        executor = MigrationExecutor(connections[alias])
        return not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (Exception, SystemExit) as error:
        raise _migrations_failed(error, alias) from error


def _migrate(alias: str) -> None:
    """Migrate the database *alias*, as ``manage.py migrate --noinput`` does."""
    from django.core.management import call_command

    with timed(f"migrated {alias}"):
        try:
            call_command("migrate", database=alias, interactive=False)
        except (Exception, SystemExit) as error:
            raise _migrations_failed(error, alias) from error


def _migrations_failed(error: BaseException, alias: str) -> MigrationsFailed:
    names = locals_of(error, "django.db.migrations.executor", "apply_migration")
    subject = f"The migration {names['migration']}" if "migration" in names else "Migrating"
    problem = f"{subject} failed on {alias}: {error_text(error)}"
    return MigrationsFailed(problem, "--traceback shows the full traceback.")
