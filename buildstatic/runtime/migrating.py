"""The step that migrates a database."""

from __future__ import annotations

from typing import Any

from buildstatic.errors import MigrationsFailed
from buildstatic.runtime.blame import locals_of, words
from buildstatic.runtime.log import timed


def migrate(alias: str) -> None:
    """Migrate the database *alias*, as ``manage.py migrate --noinput`` does.

    Raises `MigrationsFailed`, with the migration that was at work.
    """
    from django.core.management import call_command

    with timed(f"migrated {alias}"):
        try:
            call_command("migrate", database=alias, interactive=False)
        except (Exception, SystemExit) as error:
            raise _failed(error, alias) from error


def is_migrated(alias: str) -> bool:
    """Tell whether all migrations have run on *alias*; raises `MigrationsFailed`."""
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    try:
        executor = MigrationExecutor(connections[alias])
        return not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (Exception, SystemExit) as error:
        raise _failed(error, alias) from error


def _failed(error: BaseException, alias: str) -> MigrationsFailed:
    migration: Any = locals_of(error, "django.db.migrations.executor", "apply_migration").get(
        "migration"
    )
    subject = f"The migration {migration}" if migration else "Migrating"
    problem = f"{subject} failed on {alias}: {words(error)}"
    return MigrationsFailed(problem, "--traceback shows the whole way to it.")
