"""The installed collectstatic with the engine in the place of its loop."""

from __future__ import annotations

from typing import Any

from buildstatic.collect.engine import Outcome, Wishes, run
from buildstatic.collect.plan import Plan
from buildstatic.collect.recognize import Kind
from buildstatic.collect.telling import Tell


def by_engine(
    command: Any, kind: Kind, plan: Plan, wishes: Wishes, tell: Tell
) -> tuple[dict[str, Any], Outcome]:
    """Return what ``Command.collect`` owes for *command*, and the outcome, by the engine."""
    outcome = run(unwrapped(command.storage), kind, plan, wishes, tell)
    for name, made in outcome.post_processed:
        command.log(f"Post-processed '{name}' as '{made}'", level=2)
    owed = {
        "modified": outcome.modified,
        "unmodified": outcome.unmodified,
        "post_processed": [name for name, _ in outcome.post_processed],
        "skipped": [shadowed.source.path for shadowed in plan.shadowed],
        "deleted": outcome.deleted,
    }
    return owed, outcome


def unwrapped(storage: Any) -> Any:
    """Return the storage behind Django's lazy ``staticfiles_storage``."""
    from django.contrib.staticfiles.storage import ConfiguredStorage

    if not isinstance(storage, ConfiguredStorage):
        return storage
    storage.exists("")  # whatever it is asked, it is made then
    return storage._wrapped
