"""The installed collectstatic with the engine in the place of its loop."""

from __future__ import annotations

from typing import Any

from buildstatic.collect.engine import run
from buildstatic.collect.outcome import Outcome
from buildstatic.collect.planning import Plan
from buildstatic.collect.storages.recognize import Kind, unwrapped
from buildstatic.collect.telling import Tell
from buildstatic.collect.wishes import Wishes


def by_engine(
    command: Any, kind: Kind, plan: Plan, wishes: Wishes, tell: Tell
) -> tuple[dict[str, Any], Outcome]:
    """Return what ``Command.collect`` owes for *command*, and the outcome, by the engine."""
    outcome = run(unwrapped(command.storage), kind, plan, wishes, tell)
    _log(command, plan, outcome)
    owed = {
        "modified": outcome.modified,
        "unmodified": outcome.unmodified,
        "post_processed": [name for name, _ in outcome.post_processed],
        "skipped": [shadowed.source.path for shadowed in plan.shadowed],
        "deleted": outcome.deleted,
    }
    return owed, outcome


def _log(command: Any, plan: Plan, outcome: Outcome) -> None:
    """Say what Django says of each file, at the verbosity that the installed one has for it."""
    for name in outcome.deleted:
        command.log(f"Deleting '{name}'", level=2 if counts_conflicts(command) else 1)
    if command.verbosity < 2:
        return
    unmodified, replaced = set(outcome.unmodified), set(outcome.replaced)
    modified = set(outcome.modified)
    for source in plan.wins:
        if source.path in unmodified:
            command.log(f"Skipping '{source.name}' (not modified)")
            continue
        if source.path not in modified:
            continue
        if source.path in replaced:
            command.log(f"Deleting '{source.name}'")
        command.log(f"Copying '{source.place}'")
    for name, made in outcome.post_processed:
        command.log(f"Post-processed '{name}' as '{made}'")
    for name in outcome.skipped:
        command.log(f"Skipped post-processing '{name}'")


def counts_conflicts(command: Any) -> bool:
    """Tell whether *command* is of Django 6.1 or later.

    It counts what it skips and deletes, and says of each at verbosity 2, where before it was 1.
    """
    return hasattr(command, "skipped_files")
