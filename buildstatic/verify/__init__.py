"""The results of checks, as text that is safe to print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class VerifyFinding:
    """A problem that *check* found.

    *where* is the file or the part of the image, *what* is wrong there, *advice* what to do. A
    *severity* of warning does not fail the check.
    """

    check: str
    severity: Severity
    where: str
    what: str
    advice: str


@dataclass(frozen=True)
class VerifyCheck:
    """The result of one check: how many items it examined, and its findings."""

    check: str
    count: int
    findings: tuple[VerifyFinding, ...]

    @property
    def passed(self) -> bool:
        """Whether no finding is an error."""
        return all(finding.severity == "warning" for finding in self.findings)


def one_line(name: str) -> str:
    """Return *name* with line breaks, control characters and what is no UTF-8 escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in name)
