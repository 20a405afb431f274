"""Console output: plain in a pipe and in CI, coloured in a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest

from buildstatic import console
from tests.samples import copy

ESCAPE = "\x1b"
COLOUR = re.compile(r"\x1b\[(?:\d+;)*3[1-7][;m]")
LONG = "a word " * 60 + "end"
PRINT = f"""
from buildstatic import console
from buildstatic.errors import ProjectNotFound
console.say("result [bold]x[/bold] :smile: 'text' 42")
console.say({LONG!r})
console.note("note [red]")
console.warn("text [red] :smile:")
console.fail(ProjectNotFound("failed [red].", "Fix it."))
console.table([("a", "[b]"), ("longer", {LONG!r})], header=("one", "two"))
"""
STYLE_VARIABLES = {
    "NO_COLOR",
    "FORCE_COLOR",
    "TERM",
    "COLORTERM",
    "CI",
    "GITHUB_ACTIONS",
    "COLUMNS",
}


@pytest.mark.limited
def test_control_characters_are_escaped() -> None:
    hostile = f"a{ESCAPE}]0;title\x07\r\x9b2J\u202eb\udcff\ttab\nline"
    assert console.printable(hostile) == (r"a\x1b]0;title\x07\r\x9b2J\u202eb\udcff" + "\ttab\nline")
    code = "from buildstatic import console as c\nfrom buildstatic.errors import FileError\n"
    code += (
        f"t = {hostile!r}\nc.say(t); c.note(t); c.warn(t); c.fail(FileError(t)); c.table([(t,)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.count(rb"\x1b]0;title\x07") == 2
    assert done.stderr.count(rb"\x1b]0;title\x07") == 3
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", done.stdout + done.stderr)


def environment(more: Mapping[str, str]) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if name not in STYLE_VARIABLES},
        **more,
    }


def print_to_pipe(environ: Mapping[str, str] = {}, code: str = PRINT) -> tuple[str, str]:
    """Return the standard output and standard error of *code*."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(environ),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout, done.stderr


def print_to_terminal(environ: Mapping[str, str] = {}, columns: int = 80, code: str = PRINT) -> str:
    """Return what *code* prints to a terminal of *columns*."""
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = environment({"TERM": "xterm-256color", **environ})
    with subprocess.Popen([sys.executable, "-c", code], env=env, stdout=writer, stderr=writer) as p:
        os.close(writer)
        shown = b"".join(iter(lambda: _read(reader), b""))
        os.close(reader)
    assert p.returncode == 0, shown.decode()
    return shown.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    """Read; Linux raises an error at the end of a terminal."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_only_results_go_to_standard_output() -> None:
    out, err = print_to_pipe()
    assert out.splitlines()[0] == "result [bold]x[/bold] :smile: 'text' 42"
    assert err.splitlines() == [
        "note [red]",
        "warning: text [red] :smile:",
        "error: failed [red]. Fix it.",
    ]


def test_text_is_printed_without_rich() -> None:
    code, _, _ = PRINT.partition("console.table")
    without_rich = f"import sys; sys.modules['rich'] = None\n{code}"
    assert print_to_pipe({"FORCE_COLOR": "1"}, without_rich) == print_to_pipe(code=code)


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="pipe"),
        pytest.param({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, id="pipe in a terminal"),
        pytest.param({"CI": "true", "GITHUB_ACTIONS": "true", "TERM": "dumb"}, id="CI"),
        pytest.param({"NO_COLOR": "1", "CI": "true"}, id="CI without colour"),
        pytest.param({"COLUMNS": "20"}, id="narrow"),
    ],
)
def test_pipe_gets_plain_unwrapped_lines(environ: Mapping[str, str]) -> None:
    assert print_to_pipe(environ) == print_to_pipe()
    out, err = print_to_pipe(environ)
    assert ESCAPE not in out + err
    assert LONG in out.splitlines()
    assert out.splitlines()[-3:] == ["one     two", "a       [b]", f"longer  {LONG}"]


def test_terminal_gets_colours() -> None:
    shown = print_to_terminal()
    assert COLOUR.search(shown)
    assert "error:" in shown


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_colours_can_be_turned_off(environ: Mapping[str, str]) -> None:
    shown = print_to_terminal(environ)
    assert not COLOUR.search(shown)
    assert "failed [red]. Fix it." in shown


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {}], ids=["plain", "colour"])
@pytest.mark.parametrize("columns", [20, 40, 80])
def test_narrow_terminal_breaks_no_word(columns: int, environ: Mapping[str, str]) -> None:
    words = ["mysite/settings/base.py:120", "a-rather-long-module.storage.Backend", "It", "is set."]
    rows = [("static_root", f"{words[1]} {words[2]} {words[3]}", words[0]), ("x", "y", "-")]
    code = f"from buildstatic import console; console.table({rows!r}, ('fact', 'value', 'from'))"
    shown = re.sub(r"\x1b\[[\d;]*m", "", print_to_terminal(environ, columns, code))
    lines = shown.splitlines()
    assert {"static_root", *words[:3], "is", "set."} <= set(shown.split())
    assert all(line == line.rstrip() for line in lines[1:])
    # Only a word of its own can be wider than the terminal.
    assert all(len(line) <= columns or len(line.split()) == 1 for line in lines)


def test_table_wraps_without_loss() -> None:
    table = print_to_terminal({"NO_COLOR": "1"}, columns=40).partition("Fix it.\n")[2]
    plain = re.sub(r"\x1b\[[\d;]*m", "", table)
    assert max(len(line.rstrip()) for line in plain.splitlines()) <= 40
    assert plain.count("word") == LONG.count("word")
    assert plain.splitlines()[0].split() == ["one", "two"]


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1500, "1.5 kB"), (2_000_000, "2.0 MB")],
)
def test_size(count: int, words: str) -> None:
    assert console.size(count) == words


# Runs a command in terminals of several widths, and in a pipe. Forks do not import it again.
IN_TERMINALS = """
import fcntl, json, os, pty, struct, sys, termios
from importlib import import_module

argv, modules, terminals = json.loads(sys.argv[1])
for module in modules:
    import_module(module)
for columns, environ in terminals:
    pipe = os.pipe()
    pid, terminal = pty.fork()
    if pid == 0:
        from buildstatic.cli import run

        if columns:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        else:
            os.dup2(pipe[1], 1), os.dup2(pipe[1], 2)
        os.close(pipe[1])
        os.environ.update(environ)
        code = run(argv)
        sys.stdout.flush()
        os._exit(code)
    os.close(pipe[1])
    shown = b""
    try:
        while chunk := os.read(terminal if columns else pipe[0], 1 << 16):
            shown += chunk
    except OSError:
        pass
    print(json.dumps([columns, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()]))
"""
# Colours do not change the width: each width has one of both.
TERMINALS = [(0, {}), (80, {"TERM": "xterm"}), (40, {"TERM": "xterm", "NO_COLOR": "1"})]
COPIED = r"\w+ +sha256:\w+$|(error:|layer|diffID) +\S+$|Next: |\d+ static files copied"
CONTROLS = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


@pytest.mark.parametrize(
    ("command", "modules", "names", "following"),
    [
        pytest.param(
            ["check", "--no-run"],
            ["check"],
            ["mysite/settings.py:28:", "whitenoise.storage.CompressedStaticFilesStorage"],
            "buildstatic generate --path",
            id="check",
        ),
        pytest.param(
            ["verify", "--static-root", "staticfiles"],
            ["verify"],
            ["staticfiles/css/.env"],
            "",
            id="verify",
        ),
        pytest.param(
            ["generate", "--force", "--path"],
            ["generate"],
            ["Dockerfile", "NAME.herokuapp.com."],
            "buildstatic build --tag whitenoise",
            id="generate",
        ),
        pytest.param(
            ["collect", "--noinput", "--path"],
            ["collect"],
            ["copied", "variants"],
            "",
            id="collect",
        ),
        pytest.param(
            ["build", "--output", "l.tar.gz"],
            ["build", "collect"],
            ["/app/staticfiles", "l.tar.gz"],
            "buildstatic verify l.tar.gz",
            id="build",
        ),
    ],
)
def test_output_fits_the_terminal(
    tmp_path: Path, command: list[str], modules: list[str], names: list[str], following: str
) -> None:
    """Lines are as wide as the terminal but for single words, results and commands to copy."""
    root = copy("whitenoise", tmp_path)
    (root / "staticfiles" / "css").mkdir(parents=True)
    (root / "staticfiles" / "css" / ".env").write_text("A=1")
    preloaded = [
        f"buildstatic.{place}.{name}" for name in modules for place in ("cli", "workflows")
    ]
    argument = json.dumps([[*command, str(root)], preloaded, TERMINALS])
    done = subprocess.run(
        [sys.executable, "-c", IN_TERMINALS, argument],
        env=environment({"XDG_CACHE_HOME": str(tmp_path)}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    _, code, plain = json.loads(done.stdout.splitlines()[0])
    assert "Next:" not in plain
    for line in done.stdout.splitlines()[1:]:
        columns, same_code, shown = json.loads(line)
        assert same_code == code, shown
        lines = CONTROLS.sub("", shown).splitlines()
        words = {word for line in lines for word in line.split()}
        assert {*names, *(word for word in plain.split() if "/" in word)} <= words
        wide = [line for line in lines if len(line) > columns and len(line.split()) > 1]
        assert all(re.match(COPIED, line) for line in wide), wide
        last = [line for line in lines if line][-1]
        assert last.startswith(f"Next: {following}") if following else "Next:" not in shown
