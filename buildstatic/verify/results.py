"""What a check says: one broken promise, in words that may be printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

Severity = Literal["error", "warning"]
T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """A promise that is not kept.

    *check* is the kind of the promise; *where* the file or the part of the image; *what* is wrong
    there, and *advice* what to do next. A *severity* of warning breaks nothing.
    """

    check: str
    severity: Severity
    where: str
    what: str
    advice: str


@dataclass(frozen=True)
class CheckResult:
    """What came of one check: how many things it looked at, and what it found."""

    check: str
    count: int
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing that was found breaks a promise."""
        return all(each.severity == "warning" for each in self.findings)


def printable(name: str) -> str:
    """Return *name* with what no terminal should be given, and no UTF-8 can hold, escaped."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in name)


def gather(check: str, count: int, found: Callable[[], Iterator[Finding]]) -> CheckResult:
    """Return what *found* yields as what *check* has made of *count* things."""
    return CheckResult(check, count, tuple(found()))
