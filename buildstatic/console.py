"""Prints lines, warnings, errors and tables.

Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import textwrap
from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TextIO

    from rich.console import Console

    from buildstatic.errors import BuildstaticError


# Width of output that is not a terminal, so that nothing is wrapped.
PIPE_WIDTH = 10_000


_ROW = re.compile(r"\S+ {2,}(?=\S)")
# Controls of a terminal, and characters that reorder text (unicode.org/reports/tr9, 2.1 to 2.6).
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Return *text*, which may come from outside, with control characters escaped."""
    text = text.replace("\r\n", "\n")
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


@cache
def out() -> Console:
    """Return the console of standard output, for results."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True, emoji=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


@cache
def err() -> Console:
    """Return the console of standard error, for everything else."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def is_terminal() -> bool:
    """Return whether standard error is a terminal, or is to be taken for one."""
    return _is_terminal(sys.stderr, err)


def say(text: str = "") -> None:
    """Print *text*, a result, to standard output verbatim, but for rows in a terminal."""
    _print(sys.stdout, out, text)


def paragraph(text: str, *, label: str = "", style: str = "", indent: str = "") -> None:
    """Print *text*, a result, after *label*; a terminal gets it wrapped between words."""
    _print_paragraph(sys.stdout, out, text, label, style, indent)


def note(text: str, label: str = "") -> None:
    """Print *text* to standard error, verbatim if it has no *label*, but for rows."""
    if label:
        _print_paragraph(sys.stderr, err, text, label)
    else:
        _print(sys.stderr, err, text)


def next_command(*words: str) -> None:
    """Print the command to run next to a person; there is nobody to read it in a pipe."""
    if words and is_terminal():
        note(f"\nNext: {shlex.join(words)}")


def warn(text: str) -> None:
    """Print a warning to standard error."""
    _print_paragraph(sys.stderr, err, text, "warning:", "yellow")


def fail(error: BuildstaticError) -> None:
    """Print *error*, the problem and the advice, to standard error."""
    _print_paragraph(sys.stderr, err, str(error), "error:", "bold red")


def _is_terminal(stream: TextIO, console: Callable[[], Console]) -> bool:
    """Return whether *stream*, which *console* prints to, is a terminal, or is to be taken for one.

    Without rich, as in the static stage of a container build, it is not.
    """
    if not stream.isatty() and os.environ.keys().isdisjoint(("FORCE_COLOR", "TTY_COMPATIBLE")):
        return False
    try:
        return console().is_terminal
    except ModuleNotFoundError:
        return False


def _print(stream: TextIO, console: Callable[[], Console], text: str) -> None:
    text = printable(text)
    if _is_terminal(stream, console):
        console().print(_fold_rows(text, console().width), markup=False)
    else:
        print(text, file=stream, flush=True)


def _print_paragraph(
    stream: TextIO,
    console: Callable[[], Console],
    text: str,
    label: str,
    style: str = "",
    indent: str = "",
) -> None:
    is_wrapped = _is_terminal(stream, console)
    width = console().width if is_wrapped else sys.maxsize
    first = f"{label} " if label else ""
    lines = printable(text).split("\n")
    folded = [_fold(line, width, indent, "" if i else first) for i, line in enumerate(lines)]
    text = "\n".join(folded)
    if not is_wrapped:
        print(text, file=stream, flush=True)
        return
    console().print(label, style=style, end="", markup=False)
    console().print(text.removeprefix(label), markup=False)


def table(rows: Iterable[tuple[str, ...]], header: tuple[str, ...] = ()) -> None:
    """Print *rows* in aligned columns as wide as their content.

    In a terminal that is too narrow, cells wrap between words; if not even the longest words fit
    side by side, the cells of a row are printed below each other. No word, such as a path, is
    broken.
    """
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    rows = [tuple(map(printable, row)) for row in rows]
    columns = list(zip_longest(*([header] if header else []), *rows, fillvalue=""))
    widths = [max(map(cell_len, cells)) for cells in columns]
    narrowest = [
        max((cell_len(word) for cell in cells for word in cell.split()), default=0)
        for cells in columns
    ]
    available = out().width - 2 * (len(columns) - 1)
    if sum(narrowest) > available:
        for first, *others in rows:
            for indent, cell in (("", first), *(("    ", cell) for cell in others if cell)):
                out().out(_fold(cell, out().width, indent), highlight=False)
        return
    while sum(widths) > available:
        widest = max(range(len(widths)), key=lambda i: (widths[i] > narrowest[i], widths[i]))
        widths[widest] -= 1
    grid = Table(box=None, show_header=bool(header), pad_edge=False, header_style="bold")
    for index, width in enumerate(widths):
        grid.add_column(header[index] if header else "", overflow="fold", width=width)
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    with out().capture() as printed:
        out().print(grid)
    for line in printed.get().removesuffix("\n").split("\n"):
        out().out(line.rstrip(" "), highlight=False)


def _fold_rows(text: str, width: int) -> str:
    """Wrap the lines of *text* that are a name, spaces and a value to *width*, below the value."""
    lines = []
    for line in text.split("\n"):
        if row := _ROW.match(line):
            value = _fold(line[row.end() :], width, " " * row.end())
            line = row[0] + value.removeprefix(" " * row.end())
        lines.append(line)
    return "\n".join(lines)


def _fold(line: str, width: int, indent: str = "", first: str = "") -> str:
    """Return *line* with *indent*, wrapped between words to *width*; *first* is for its beginning.

    A line that is indented already is text to paste, or of a log, and stays as it is.
    """
    if line[:1] in ("", " ", "\t") or len(indent) + len(first) + len(line) <= width:
        return f"{indent}{first}{line}" if line else ""
    return textwrap.fill(
        line,
        width,
        initial_indent=indent + first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def size(count: int) -> str:
    """Return *count* bytes in decimal units, such as 1.5 MB."""
    if count < 1000:
        return "1 byte" if count == 1 else f"{count} bytes"
    power = min((len(str(count)) - 1) // 3, 4)
    return f"{count / 1000**power:,.1f} {('kB', 'MB', 'GB', 'TB')[power - 1]}"
