"""The steps of a collection: how long each takes, and how much of it is done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from buildstatic.collect.request import Callbacks


@dataclass
class Steps:
    """Measures the steps of a collection, and reports their progress."""

    callbacks: Callbacks
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, total: int) -> Iterator[StepProgress]:
        """Measure the block as the step *name*; call what it yields with each part of *total*."""
        started = time.monotonic()
        progress = StepProgress(self.callbacks, name, total)
        progress(0)
        yield progress
        self.seconds[name] = round(time.monotonic() - started, 3)


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
