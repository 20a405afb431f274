"""What a check finds: one shape for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How much a finding matters; an error breaks the deployment or loses something."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        """Its name as it is printed and given on the command line."""
        return self.name.lower()


@dataclass(frozen=True)
class Autofix:
    """A safe change: *change* takes the text of *file*, which may be new, and returns another one.

    It returns None for a text that it does not understand, and the same text where there is nothing
    to do. *file* is relative to the root.
    """

    file: str
    change: Callable[[str], str | None]


@dataclass(frozen=True)
class Finding:
    """What will bite: *what* it is, *why* it does, and the *fix*, each a sentence or two.

    *file* is relative to the root, or absolute outside of it; *line* is 0 for the whole file.
    *autofix* is there where making the fix is safe.
    """

    code: str
    severity: Severity
    file: str
    line: int
    what: str
    why: str
    fix: str
    autofix: Autofix | None = None

    @property
    def place(self) -> str:
        """``file:line``, or the file alone."""
        return f"{self.file}:{self.line}" if self.line else self.file


def split(source: str) -> tuple[str, int]:
    """Return the file and the line of ``file:line``; 0 where *source* has none."""
    file, _, line = source.rpartition(":")
    return (file, int(line)) if file and line.isdigit() else (source, 0)
