"""The progress of a Dockerfile build: live in a terminal, else a line for each step."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from buildstatic import console
from buildstatic.builders.progress import (
    Event,
    OnEvent,
    Progress,
    Vertex,
    command,
    seconds,
    stage_name,
)

if TYPE_CHECKING:
    from rich.table import Table

MAX_WIDTH = 100


@contextmanager
def build_view(stages: Collection[str]) -> Iterator[OnEvent]:
    """Yield what to call with each event; it shows those of *stages* on standard error."""
    if not console.err().is_terminal:
        yield _StepLines(stages)
        return
    from rich.live import Live

    current = Progress()
    with Live(
        console=console.err(), get_renderable=lambda: _table(current, stages), transient=True
    ) as live:

        def on_event(event: Event, progress: Progress) -> None:
            nonlocal current
            current = progress
            if isinstance(event, Vertex):
                live.refresh()

        yield on_event


class _StepLines:
    """Prints a line for each step that has ended."""

    def __init__(self, stages: Collection[str]) -> None:
        self._stages = stages
        self._printed: set[str] = set()

    def __call__(self, event: Event, progress: Progress) -> None:
        if not isinstance(event, Vertex) or event.digest in self._printed:
            return
        vertex = progress.vertices[event.digest]
        stage = stage_name(vertex)
        if stage not in self._stages or not vertex.completed:
            return
        self._printed.add(event.digest)
        if "cancel" in vertex.error.lower():
            # BuildKit cancels steps that run at the same time as one that fails.
            state = "cancelled"
        elif vertex.error:
            state = "failed"
        else:
            state = "cached" if vertex.cached else f"{seconds([vertex]):.1f} s"
        console.note(f"{stage}: {_shortened(command(vertex))} ({state})")


def _table(progress: Progress, stages: Collection[str]) -> Table:
    """Return a row for each of *stages*: its name, its time, and the step that runs."""
    from rich.table import Table
    from rich.text import Text

    steps: dict[str, list[Vertex]] = {}
    # Rich draws in a thread of its own, while events arrive.
    for vertex in list(progress.vertices.values()):
        if stage_name(vertex) in stages:
            steps.setdefault(stage_name(vertex), []).append(vertex)
    now = datetime.now(UTC)
    grid = Table.grid(padding=(0, 2))
    for name, vertices in steps.items():
        running = [vertex for vertex in vertices if vertex.started and not vertex.completed]
        taken = seconds(replace(vertex, completed=vertex.completed or now) for vertex in vertices)
        step = console.printable(_shortened(command(running[-1]))) if running else ""
        cells = (name, f"{taken:.1f} s", step)
        style = "" if running else "dim"
        grid.add_row(*(Text(cell, style=style, no_wrap=True) for cell in cells))
    return grid


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_WIDTH else f"{text[: MAX_WIDTH - 1]}…"
