"""Parsing and running documentation pages.

Of a page's fenced blocks, one with ``file=PATH`` after its language is written to that file, a
``diff`` block is applied, and the lines of a ``console`` block that begin with ``$`` are run, in
order. The text below a command is its expected output, standard error included. ``…`` matches
anything, on a line of its own any number of lines; the width of columns is ignored. A command
without text below it may print anything.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
PAGES = tuple(
    path.relative_to(REPOSITORY).as_posix()
    for path in sorted(
        [
            *REPOSITORY.glob("*.md"),
            *REPOSITORY.glob("docs/**/*.md"),
            REPOSITORY / "examples" / "site" / "README.md",
        ]
    )
)
TIMEOUT = 900  # seconds
ANYTHING = "…"
_FENCE = re.compile(r"^```(\w*)(?: file=(\S+))?\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file to write it to, and its content."""

    language: str
    file: str | None
    text: str


@dataclass(frozen=True)
class Command:
    """A command, possibly over several lines, and the output that the page shows below it."""

    line: str
    output: str


def read(page: str) -> str:
    """Return the text of *page*, a path relative to the repository."""
    return (REPOSITORY / page).read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of the page *text*."""
    return [Block(*found.groups()) for found in _FENCE.finditer(text)]


def commands(block: Block) -> Iterator[Command]:
    """Yield the commands of a ``console`` block."""
    for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        line, newline, output = part.partition("\n")
        while line.endswith("\\"):
            more, newline, output = output.partition("\n")
            line = f"{line}\n{more}"
        yield Command(line, output if newline else "")


def matches(expected: str, printed: str) -> bool:
    """Return whether *printed* matches *expected*, ignoring the width of columns."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == ANYTHING else f"{re.escape(line).replace(ANYTHING, '.*?')}\n"
        for line in _lines(expected)
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _lines(printed))) is not None


def _lines(text: str) -> list[str]:
    return [re.sub(r"(?<=\S) {2,}", "  ", line.rstrip()) for line in text.splitlines()]


@dataclass(frozen=True)
class Shell:
    """A shell that starts in the directory *start*.

    As in a terminal, ``cd`` and ``export`` apply to the commands that follow; *state* is the file
    that keeps them.
    """

    start: Path
    environment: Mapping[str, str]
    state: Path

    def run(self, line: str) -> str:
        """Run *line* and return its output; raises AssertionError if it fails."""
        before = f'. "{self.state}"' if self.state.exists() else ""
        keep = f'status=$?; {{ export -p; printf "cd \'%s\'\\n" "$PWD"; }} > "{self.state}"'
        process = subprocess.run(
            ["sh", "-ec", f"{before}\n{line}\n{keep}; exit $status"],
            cwd=self.start,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
        )
        assert process.returncode == 0, (
            f"$ {line}\nexited with {process.returncode}:\n{process.stdout}"
        )
        return process.stdout

    @property
    def directory(self) -> Path:
        """The current directory."""
        if not self.state.exists():
            return self.start
        return Path(self.state.read_text().splitlines()[-1].removeprefix("cd ").strip("'"))


def environment(ceiling: Path) -> dict[str, str]:
    """Return the environment to run pages in: this environment's programs first, no settings.

    Git does not search for a repository above *ceiling*.
    """
    dropped = {"DJANGO_SETTINGS_MODULE", "VIRTUAL_ENV", "PYTHONPATH"}
    return {
        **{name: value for name, value in os.environ.items() if name not in dropped},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GIT_CEILING_DIRECTORIES": str(ceiling),
        "COLUMNS": "200",
    }
