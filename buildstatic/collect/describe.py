"""The plan as JSON: what is collected, what is shadowed by what, what is ignored by which rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from buildstatic.collect.planning import Conflict, Plan
from buildstatic.collect.telling import Summary


def describe(plan: Plan) -> dict[str, Any]:
    """Return *plan* in the form of ``--report``."""
    return {
        "files": [{"path": source.path, "source": source.place} for source in plan.wins],
        "shadowed": [
            {
                "path": shadowed.source.path,
                "source": shadowed.source.place,
                "by": shadowed.by.place,
                "equal": not shadowed.differs,
            }
            for shadowed in plan.shadowed
        ],
        "ignored": [
            {"path": ignored.source.path, "source": ignored.source.place, "rule": ignored.rule}
            for ignored in plan.ignored
        ],
    }


def with_plan(summary: Summary, plan: Plan, conflicts: Sequence[Conflict]) -> Summary:
    """Return *summary* with what there is to say of *plan* and its *conflicts*."""
    different = sum(len(conflict.left_out) for conflict in conflicts)
    return replace(
        summary,
        equal=len(plan.shadowed) - different,
        conflicts=tuple(conflict.collected.path for conflict in conflicts),
        ignored=len(plan.ignored),
    )
