"""What commands that collect show while they run."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import TYPE_CHECKING, Any

from buildstatic import console
from buildstatic.cli.summary import STEPS, print_summary

if TYPE_CHECKING:
    from buildstatic.workflows import Reporter

# Seconds between two lines of one step, if no progress bar is drawn.
INTERVAL = 10.0


@contextmanager
def reporter(*, quiet: bool = False) -> Iterator[Reporter]:
    """Yield a reporter that prints to standard error.

    Progress is a bar in a terminal, and elsewhere a line from time to time; *quiet* omits it.
    """
    from buildstatic.workflows import Reporter

    report = Reporter(warn=console.warn, note=console.note, collected=print_summary)
    if quiet:
        yield report
    elif console.is_terminal():
        with _bars() as progress:
            yield replace(report, progress=progress)
    else:
        yield replace(report, progress=_Lines())


@contextmanager
def _bars() -> Iterator[Any]:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    bar = Progress(*columns, console=console.err(), transient=True)
    tasks: dict[str, Any] = {}

    def progress(step: str, done: int, total: int) -> None:
        if not tasks:
            bar.start()
        if step not in tasks:
            tasks[step] = bar.add_task(STEPS[step])
        bar.update(tasks[step], completed=done, total=total)

    try:
        yield progress
    finally:
        if tasks:
            bar.stop()


@dataclass
class _Lines:
    """Prints a line when a step takes long, and then from time to time."""

    last: float = field(default_factory=time.monotonic)

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self.last >= INTERVAL and total:
            self.last = now
            console.note(f"{STEPS[step]}: {done * 100 // total} %")


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, so that it cleans up."""

    def end(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    replaced = [number for number, handler in handlers.items() if handler is signal.SIG_DFL]
    for number in replaced:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in replaced:
            signal.signal(number, signal.SIG_DFL)
