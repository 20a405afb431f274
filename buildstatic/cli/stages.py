"""The view of a running build: live in a terminal, a line a step anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from buildstatic import console
from buildstatic.builders.events import Event, Vertex
from buildstatic.builders.stages import Build, command, seconds, stage_name

if TYPE_CHECKING:
    from rich.table import Table

OnEvent = Callable[[Event, Build], None]
WIDTH = 100


@contextmanager
def view(stages: Set[str]) -> Iterator[OnEvent]:
    """Yield what is to be told of every event; it shows those of *stages* on standard error."""
    if console.err().is_terminal:
        with _live(stages) as on_event:
            yield on_event
    else:
        yield _Lines(stages)


class _Lines:
    """Prints a line for each step that has ended."""

    def __init__(self, stages: Set[str]) -> None:
        self._stages = stages
        self._printed: set[str] = set()

    def __call__(self, event: Event, build: Build) -> None:
        if not isinstance(event, Vertex) or event.digest in self._printed:
            return
        vertex = build.vertices[event.digest]
        stage = stage_name(vertex)
        if stage in self._stages and vertex.completed:
            self._printed.add(event.digest)
            console.note(f"{stage}: {_shortened(command(vertex))} ({_state(vertex)})")


@contextmanager
def _live(stages: Set[str]) -> Iterator[OnEvent]:
    from rich.live import Live

    build = Build()

    def table() -> Table:
        return _table(build, stages)

    with Live(console=console.err(), get_renderable=table, transient=True) as live:

        def on_event(event: Event, now: Build) -> None:
            nonlocal build
            build = now
            if isinstance(event, Vertex):
                live.refresh()

        yield on_event


def _table(build: Build, stages: Set[str]) -> Table:
    """Return a row for each of *stages*: its name, its time, and the step that it is at."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    steps: dict[str, list[Vertex]] = {}
    for vertex in list(build.vertices.values()):
        if stage_name(vertex) in stages:
            steps.setdefault(stage_name(vertex), []).append(vertex)
    for name, vertices in steps.items():
        running = [vertex for vertex in vertices if vertex.started and not vertex.completed]
        at = _shortened(command(running[-1])) if running else ""
        style = "" if running else "dim"
        cells = (name, f"{seconds(map(_until_now, vertices)):.1f} s", at)
        grid.add_row(*(Text(cell, style=style, no_wrap=True) for cell in cells))
    return grid


def _until_now(vertex: Vertex) -> Vertex:
    return replace(vertex, completed=vertex.completed or datetime.now(UTC))


def _state(vertex: Vertex) -> str:
    if vertex.error:
        # BuildKit cancels what runs beside a step that fails.
        return "cancelled" if "cancel" in vertex.error.lower() else "failed"
    return "cached" if vertex.cached else f"{seconds([vertex]):.1f} s"


def _shortened(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
