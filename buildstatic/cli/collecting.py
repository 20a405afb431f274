"""What ``collect`` shows: how far it is, and at the end what it did."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from buildstatic import console

if TYPE_CHECKING:
    from buildstatic.collect import Summary, Tell

# Between two lines on one step, where no bar is drawn.
SECONDS = 10.0
WORDS = {
    "read": "reading",
    "fingerprint": "fingerprinting",
    "publish": "writing",
    "compress": "compressing",
}


@contextmanager
def telling(*, quiet: bool) -> Iterator[Tell]:
    """Yield what shows warnings and progress: a bar in a terminal, a line now and then elsewhere.

    *quiet* leaves the progress out.
    """
    from buildstatic.collect import Tell

    if quiet:
        yield Tell(console.warn)
    elif console.err().is_terminal:
        with _bars() as progress:
            yield Tell(console.warn, progress)
    else:
        yield Tell(console.warn, _Lines())


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
            tasks[step] = bar.add_task(WORDS[step])
        bar.update(tasks[step], completed=done, total=total)

    try:
        yield progress
    finally:
        if tasks:
            bar.stop()


class _Lines:
    """Prints a line when a step has taken a while, and again from time to time."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last >= SECONDS and total:
            self._last = now
            console.note(f"{WORDS[step]}: {done * 100 // total} %")


def report(summary: Summary) -> None:
    """Print *summary* along the way: Django's own line is the result."""
    for line in _lines(summary):
        console.note(line)


def _lines(summary: Summary) -> Iterator[str]:
    if summary.own_code:
        yield f"Django's own code collected, as {summary.own_code}."
        return
    yield f"files       {summary.files:,}, {console.size(summary.bytes)}{_beside(summary)}"
    if summary.variants:
        size = console.size(summary.variant_bytes)
        yield f"variants    {summary.variants:,}, {size}{_not_made(summary)}"
    if summary.conflicts:
        yield f"conflicts   {_some(summary.conflicts)}"
    if summary.stale:
        yield f"stale       {summary.stale:,} files of earlier runs (--prune removes them)"
    if summary.removed:
        yield f"removed     {summary.removed:,} files of earlier runs"
    if summary.copies:
        yield f"copies      {summary.copies:,} that the file system would not link"
    yield f"seconds     {_seconds(summary.seconds)}"


def _not_made(summary: Summary) -> str:
    places = {"the cache": summary.hits, "the earlier tree": summary.reused}
    return "".join(f", {count:,} of them from {where}" for where, count in places.items() if count)


def _beside(summary: Summary) -> str:
    counts = {"unmodified": summary.unmodified, "ignored": summary.ignored, "equal": summary.equal}
    return "".join(f", {count:,} {word}" for word, count in counts.items() if count)


def _some(names: Sequence[str], most: int = 20) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{len(names):,}: {', '.join(names[:most])}{more}"


def _seconds(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{WORDS[step]} {taken:.1f}" for step, taken in seconds.items())


def plan(described: Mapping[str, Any]) -> None:
    """Print a plan as a table: what is collected, shadowed and ignored, and why."""
    rows = [("collected", file["path"], file["source"], "") for file in described["files"]]
    for item in described["shadowed"]:
        content = "equal" if item["equal"] else "different"
        rows.append(("shadowed", item["path"], item["source"], f"{content}, by {item['by']}"))
    rows += [
        ("ignored", item["path"], item["source"], f"by {item['rule']}")
        for item in described["ignored"]
    ]
    console.table(rows, header=("", "path", "source", "why"))
