"""The pages of the documentation, followed as a person would: files written, commands run.

Of a page's fenced blocks, those that name a file (``file=PATH`` after the language) are written to
it, those in ``diff`` are applied, and the lines of those in ``console`` that begin with ``$`` are
run, in order. What stands below a command is all that it prints, standard error included; ``…``
stands for anything, on a line of its own for any number of lines; columns may be of another width.
A command with nothing below it may print what it likes.
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
PATIENCE = 900  # seconds
ANYTHING = "…"
_FENCE = re.compile(r"^```(\w*)(?: file=(\S+))?\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file that it is to be written to, and what it says."""

    language: str
    file: str | None
    text: str


@dataclass(frozen=True)
class Command:
    """A command, over several lines if need be, and what the page shows below it."""

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
    """Say whether *printed* is what a page shows as *expected*, however wide its columns are."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == ANYTHING else f"{re.escape(line).replace(ANYTHING, '.*?')}\n"
        for line in _lines(expected)
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _lines(printed))) is not None


def _lines(text: str) -> list[str]:
    return [re.sub(r"(?<=\S) {2,}", "  ", line.rstrip()) for line in text.splitlines()]


@dataclass(frozen=True)
class Shell:
    """Where a page is followed: the directory that it begins in, and the environment.

    A ``cd`` and an ``export`` hold for the commands that follow, as in a terminal.
    """

    start: Path
    environment: Mapping[str, str]
    state: Path

    def run(self, line: str) -> str:
        """Run *line* and return what it printed; raises AssertionError if it fails."""
        before = f'. "{self.state}"' if self.state.exists() else ""
        keep = f'status=$?; {{ export -p; printf "cd \'%s\'\\n" "$PWD"; }} > "{self.state}"'
        done = subprocess.run(
            ["sh", "-ec", f"{before}\n{line}\n{keep}; exit $status"],
            cwd=self.start,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"$ {line}\nexited with {done.returncode}:\n{done.stdout}"
        return done.stdout

    @property
    def directory(self) -> Path:
        """The directory that the page has got to."""
        if not self.state.exists():
            return self.start
        return Path(self.state.read_text().splitlines()[-1].removeprefix("cd ").strip("'"))


def environment(ceiling: Path) -> dict[str, str]:
    """Return the environment that pages are followed in: our tools first, no project's settings.

    Git looks for no repository above *ceiling*, and the terminal is a wide one.
    """
    dropped = {"DJANGO_SETTINGS_MODULE", "VIRTUAL_ENV", "PYTHONPATH"}
    return {
        **{name: value for name, value in os.environ.items() if name not in dropped},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GIT_CEILING_DIRECTORIES": str(ceiling),
        "COLUMNS": "200",
    }
