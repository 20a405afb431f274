"""What the engine did, as collectstatic counts it, and as the summary does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from buildstatic.collect.telling import Summary


@dataclass
class Outcome:
    """What a collection did so far: names of sources, and of what was made of them.

    *replaced* are the modified ones that the tree had; *skipped* those that it had the
    fingerprinted file of; *deleted* is all that ``--clear`` was to remove.
    """

    modified: list[str] = field(default_factory=list)
    unmodified: list[str] = field(default_factory=list)
    post_processed: list[tuple[str, str]] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    summary: Summary = field(default_factory=Summary)

    def add(self, **counts: Any) -> None:
        """Put *counts* into the summary."""
        self.summary = replace(self.summary, **counts)
