"""What is printed: plain in a pipe and in CI, in colour in a terminal that wants it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping

import pytest

from buildstatic import console

ESCAPE = "\x1b"
COLOUR = re.compile(r"\x1b\[(?:\d+;)*3[1-7][;m]")
LONG = "a word " * 60 + "end"
SPEAK = f"""
from buildstatic import console
from buildstatic.errors import ProjectNotFound
console.say("said [bold]x[/bold] :smile: 'text' 42")
console.say({LONG!r})
console.note("noted [red]")
console.warn("warned [red] :smile:")
console.fail(ProjectNotFound("failed [red].", "Mend it."))
console.table([("a", "[b]"), ("longer", {LONG!r})], header=("one", "two"))
"""
CHOSEN = {"NO_COLOR", "FORCE_COLOR", "TERM", "COLORTERM", "CI", "GITHUB_ACTIONS", "COLUMNS"}


def environment(more: Mapping[str, str]) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if name not in CHOSEN}, **more}


def in_a_pipe(environ: Mapping[str, str] = {}) -> tuple[str, str]:
    """Return what is printed to standard output and to standard error."""
    done = subprocess.run(
        [sys.executable, "-c", SPEAK],
        env=environment(environ),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout, done.stderr


def in_a_terminal(environ: Mapping[str, str] = {}, columns: int = 80, code: str = SPEAK) -> str:
    """Return what a terminal of *columns* gets to see of *code*."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = environment({"TERM": "xterm-256color", **environ})
    with subprocess.Popen([sys.executable, "-c", code], env=env, stdout=its, stderr=its) as p:
        os.close(its)
        shown = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
    assert p.returncode == 0, shown.decode()
    return shown.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    """Read; Linux ends a terminal that nobody writes to any more with an error."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_results_go_to_standard_output_and_the_rest_to_standard_error() -> None:
    out, err = in_a_pipe()
    assert out.splitlines()[0] == "said [bold]x[/bold] :smile: 'text' 42"
    assert err.splitlines() == [
        "noted [red]",
        "warning: warned [red] :smile:",
        "error: failed [red]. Mend it.",
    ]


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="a pipe"),
        pytest.param({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, id="a terminal's pipe"),
        pytest.param({"CI": "true", "GITHUB_ACTIONS": "true", "TERM": "dumb"}, id="CI"),
        pytest.param({"NO_COLOR": "1", "CI": "true"}, id="CI without colour"),
        pytest.param({"COLUMNS": "20"}, id="narrow"),
    ],
)
def test_a_pipe_gets_plain_lines_that_are_not_folded(environ: Mapping[str, str]) -> None:
    assert in_a_pipe(environ) == in_a_pipe()
    out, err = in_a_pipe(environ)
    assert ESCAPE not in out + err
    assert LONG in out.splitlines()
    assert out.splitlines()[-3:] == ["one     two", "a       [b]", f"longer  {LONG}"]


def test_a_terminal_gets_colours() -> None:
    shown = in_a_terminal()
    assert COLOUR.search(shown)
    assert "error:" in shown


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_that_wants_no_colour_gets_none(environ: Mapping[str, str]) -> None:
    shown = in_a_terminal(environ)
    assert not COLOUR.search(shown)
    assert "failed [red]. Mend it." in shown


@pytest.mark.parametrize("columns", [20, 40, 60])
def test_a_narrow_terminal_folds_values_and_never_a_place(columns: int) -> None:
    value, place = "Q" * 30 + " " + "Z" * 30, "mysite/settings/base.py:120"
    rows = [("static_root", value, place), ("x", "y", "-")]
    code = f"from buildstatic import console; console.table({rows!r})"
    shown = in_a_terminal({"NO_COLOR": "1"}, columns, code)
    first, *more = shown.splitlines()
    assert first.startswith("static_root  QQQQQQQQQQ")
    assert first.endswith(f"  {place}")
    assert (shown.count("Q"), shown.count("Z")) == (30, 30)
    assert len(more) > 1
    assert all(line == line.rstrip() for line in shown.splitlines())


def test_a_table_is_folded_to_the_terminal_and_loses_nothing() -> None:
    table = in_a_terminal({"NO_COLOR": "1"}, columns=40).partition("Mend it.\n")[2]
    plain = re.sub(r"\x1b\[[\d;]*m", "", table)
    assert max(len(line.rstrip()) for line in plain.splitlines()) <= 40
    assert plain.count("word") == LONG.count("word")
    assert plain.splitlines()[0].split() == ["one", "two"]


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1500, "1.5 kB"), (2_000_000, "2.0 MB")],
)
def test_sizes_are_in_words(count: int, words: str) -> None:
    assert console.size(count) == words
