"""Everything that is printed: plain lines, warnings, errors and tables.

Results go to standard output, all that is said along the way to standard error.
"""

from __future__ import annotations

from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from buildstatic.errors import BuildstaticError


# The width of what is printed into a pipe, where nothing is to be folded.
WIDE = 10_000
NARROW = 10


@cache
def out() -> Console:
    """Return the console of standard output, for what the person asked for."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True, emoji=False)
    if not console.is_terminal:
        console.width = WIDE
    return console


@cache
def err() -> Console:
    """Return the console of standard error, for what is said along the way."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def say(text: str = "") -> None:
    """Print *text*, a result, to standard output as it is."""
    out().print(text, markup=False)


def note(text: str) -> None:
    """Print *text*, something worth knowing along the way, to standard error."""
    err().print(text, markup=False)


def warn(text: str) -> None:
    """Print a warning: the work goes on."""
    err().print("[yellow]warning:[/yellow]", end=" ")
    err().print(text, markup=False)


def fail(error: BuildstaticError) -> None:
    """Print what went wrong and what to do next."""
    err().print("[bold red]error:[/bold red]", end=" ")
    err().print(str(error), markup=False)


def table(rows: Iterable[tuple[str, ...]], header: tuple[str, ...] = ()) -> None:
    """Print *rows* in aligned columns as wide as their content.

    A terminal that is too narrow gets the second column folded; names and places stay whole.
    """
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, show_header=bool(header), pad_edge=False, header_style="bold")
    rows = list(rows)
    for index, cells in enumerate(zip_longest(*rows, fillvalue="")):
        widest = max(map(cell_len, cells))
        narrowest = min(widest, NARROW) if index == 1 else widest
        grid.add_column(header[index] if header else "", overflow="fold", min_width=narrowest)
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    with out().capture() as printed:
        out().print(grid)
    for line in printed.get().removesuffix("\n").split("\n"):
        out().out(line.rstrip(" "), highlight=False)


def size(count: int) -> str:
    """Return *count* bytes in words: 1.5 MB."""
    from rich.filesize import decimal

    return decimal(count)
