"""What commands that collect show: progress while they run, a summary at the end."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from buildstatic import console

if TYPE_CHECKING:
    from buildstatic.collect import CollectResult, Summary
    from buildstatic.workflows import Reporter

# Seconds between two lines of one step, if no progress bar is drawn.
INTERVAL = 10.0
# Names that a summary lists in full.
MAX_NAMES = 20
STEPS = {
    "read": "reading",
    "fingerprint": "fingerprinting",
    "publish": "writing",
    "compress": "compressing",
}


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


def print_collected(collected: CollectResult, verbosity: int = 1) -> None:
    """Print the summary to standard error, and Django's closing line to standard output."""
    if verbosity:
        print_summary(collected.summary)
    if collected.closing:
        click.echo(collected.closing)


def print_summary(summary: Summary) -> None:
    """Print *summary* to standard error."""
    if summary.own_code:
        console.note(f"Django's own code was used, because {summary.own_code}.")
        _print_variants(summary)
        return
    if summary.in_memory:
        console.note(f"storage     its own code ran in memory, because {summary.in_memory}")
    counts = {"unmodified": summary.unmodified, "ignored": summary.ignored, "equal": summary.equal}
    files = "".join(f", {count:,} {word}" for word, count in counts.items() if count)
    console.note(f"files       {summary.files:,}, {console.size(summary.bytes)}{files}")
    _print_variants(summary)
    if count := len(summary.conflicts):
        names = ", ".join(summary.conflicts[:MAX_NAMES])
        more = f" and {count - MAX_NAMES:,} more" if count > MAX_NAMES else ""
        console.note(f"conflicts   {count:,}: {names}{more}")
    if summary.stale:
        console.note(f"stale       {summary.stale:,} files of earlier runs (--prune removes them)")
    if summary.removed:
        console.note(f"removed     {summary.removed:,} files of earlier runs")
    if summary.copies:
        console.note(f"copies      {summary.copies:,} that the file system could not link")
    seconds = (f"{STEPS[step]} {taken:.1f}" for step, taken in summary.seconds.items())
    console.note(f"seconds     {', '.join(seconds)}")


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


def _print_variants(summary: Summary) -> None:
    if not summary.variants:
        return
    sources = {"the cache": summary.hits, "the earlier tree": summary.reused}
    found = "".join(f", {count:,} of them from {name}" for name, count in sources.items() if count)
    size = console.size(summary.variant_bytes)
    console.note(f"variants    {summary.variants:,}, {size}{found}")
