"""``start`` and ``release``, from their first step to their exit code."""

from __future__ import annotations

import signal
import time
from contextlib import AbstractContextManager, nullcontext

from buildstatic.errors import LockUnsupported, MigrationsFailed
from buildstatic.runtime import databases, locks, server, signals, site
from buildstatic.runtime.log import error_text, log, timed
from buildstatic.runtime.options import RELEASE, RuntimeOptions
from buildstatic.runtime.static_files import collect
from buildstatic.tracebacks import locals_of


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
    argv = server.command(options.command, project)
    collect(always=options.collect)
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
    server.become(argv, project)


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
