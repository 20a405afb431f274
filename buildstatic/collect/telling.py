"""What a collection tells while it runs, and what it has to say at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Tell:
    """Whom to tell: *warn* takes a sentence; *progress* a step, how much is done, and of how much.

    What a step counts is files, but for ``compress``, which counts bytes.
    """

    warn: Callable[[str], None]
    progress: Callable[[str, int, int], None] = lambda _step, _done, _total: None


@dataclass(frozen=True)
class Summary:
    """What a collection did.

    *files* and *bytes* are of the sources that won; *copied* of them were written, *unmodified*
    were there. *fingerprinted* have a name by content. *variants* were made of contents, all of
    *variant_bytes*; the cache had *hits* of them, an earlier tree *reused* others. *equal* counts
    shadowed sources whose content is that of the winner, *conflicts* names the paths of the others;
    *ignored* sources were left out. *stale* files of earlier runs are still in the tree, *removed*
    ones are not. *copies* had to be made of what could not be one file under several names.
    *seconds* are per step. *own_code* is why the storage's own code ran, empty where the engine
    collected.
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
class Collected:
    """The end of a collection: Django's closing line (empty at verbosity 0), and the summary.

    *plan* is the plan in the form of ``--report``, where it was asked for.
    """

    closing: str
    summary: Summary
    plan: dict[str, Any] | None = None


@dataclass
class StepProgress:
    """Tells how much of a step is done, a hundred times at most."""

    tell: Tell
    step: str
    total: int
    done: int = 0
    told: int = 0

    def __call__(self, more: int) -> None:
        """Tell that *more* is done."""
        self.done += more
        if not self.done or self.done == self.total or self.done - self.told > self.total // 100:
            self.told = self.done
            self.tell.progress(self.step, self.done, self.total)
