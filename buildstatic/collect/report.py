"""What a collection reports: warnings and progress while it runs, a summary at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


def _ignore_progress(_step: str, _done: int, _total: int) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Callbacks:
    """Callbacks of a collection.

    *warn* takes a sentence. *progress* takes the name of a step, how much of it is done, and the
    total; the unit is files, for the step ``compress`` bytes.
    """

    warn: Callable[[str], None]
    progress: Callable[[str, int, int], None] = _ignore_progress


@dataclass
class StepProgress:
    """Reports the progress of one step, at most a hundred times."""

    callbacks: Callbacks
    step: str
    total: int
    done: int = 0
    reported: int = 0

    def __call__(self, more: int) -> None:
        """Add *more* to what is done."""
        self.done += more
        is_due = self.done - self.reported > self.total // 100
        if not self.done or self.done == self.total or is_due:
            self.reported = self.done
            self.callbacks.progress(self.step, self.done, self.total)


@dataclass(frozen=True)
class Summary:
    """What a collection did.

    Sources: *files* and *bytes* are collected, of which *copied* were written and *unmodified* were
    up to date; *equal* counts shadowed sources with the content of the collected one, *conflicts*
    are the paths of the others; *ignored* were left out.

    Output: *fingerprinted* files have a name by content; *variants* (of *variant_bytes*) were
    written, of which *hits* came from the cache and *reused* from an earlier tree; *stale* files of
    earlier runs remain, *removed* files were deleted; *copies* could not be hard links.

    *seconds* are by step. *own_code* is the reason why Django's and the storage's own code ran,
    empty if the collector did.
    """

    files: int = 0
    bytes: int = 0
    copied: int = 0
    unmodified: int = 0
    fingerprinted: int = 0
    variants: int = 0
    variant_bytes: int = 0
    hits: int = 0
    reused: int = 0
    equal: int = 0
    conflicts: tuple[str, ...] = ()
    ignored: int = 0
    stale: int = 0
    removed: int = 0
    copies: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    own_code: str = ""


@dataclass(frozen=True)
class CollectResult:
    """Django's closing line (empty at verbosity 0), the summary, and the plan if requested."""

    closing: str
    summary: Summary
    plan: dict[str, Any] | None = None
