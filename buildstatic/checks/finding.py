"""The result of a check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How severe a finding is; an error breaks the deployment or loses files."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        """The name as printed and as accepted on the command line."""
        return self.name.lower()


@dataclass(frozen=True)
class Autofix:
    """A safe edit of *file*, which is relative to the root and may not exist yet.

    *edit* takes the text of the file and returns the new text: the same text if nothing is to be
    done, None if the file is not written in a way that it can edit.
    """

    file: str
    edit: Callable[[str], str | None]


@dataclass(frozen=True)
class Finding:
    """A deployment problem: *what* is wrong, *why* it matters, and how to *fix* it.

    *file* is relative to the root, or absolute if outside of it; *line* is 0 for the whole file.
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
    def location(self) -> str:
        """``file:line``, or only the file if the line is 0."""
        return f"{self.file}:{self.line}" if self.line else self.file


def split_source(source: str) -> tuple[str, int]:
    """Return the file and the line of ``file:line``; the line is 0 if *source* has none."""
    file, _, line = source.rpartition(":")
    return (file, int(line)) if file and line.isdigit() else (source, 0)
