"""The progress of a Dockerfile build: live in a terminal, else a line for each step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from buildstatic import console
from buildstatic.builders.progress import OnStep, Progress, Step

if TYPE_CHECKING:
    from rich.table import Table

MAX_WIDTH = 100


@contextmanager
def build_view() -> Iterator[OnStep]:
    """Yield what to call with each step of a build; it shows them on standard error."""
    if not console.is_terminal():
        yield _print_ended
        return
    from rich.live import Live

    current = Progress()
    with Live(
        console=console.err(), get_renderable=lambda: _table(current), transient=True
    ) as live:

        def on_step(_: Step, progress: Progress) -> None:
            nonlocal current
            current = progress
            live.refresh()

        yield on_step


def _print_ended(step: Step, _: Progress) -> None:
    """Print a line for a step that has ended."""
    if step.state != "running":
        state = f"{step.seconds:.1f} s" if step.state == "done" else step.state
        console.note(f"{step.stage}: {_shortened(step.instruction)} ({state})")


def _table(progress: Progress) -> Table:
    """Return a row for each stage: its name, its time, and the step that runs."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for stage in progress.running():
        step = console.printable(_shortened(stage.instruction))
        style = "" if step else "dim"
        cells = (stage.name, f"{stage.seconds:.1f} s", step)
        grid.add_row(*(Text(cell, style=style, no_wrap=True) for cell in cells))
    return grid


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_WIDTH else f"{text[: MAX_WIDTH - 1]}…"
