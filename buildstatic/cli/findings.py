"""The findings of ``check``: made, shown to people and to programs, and mended."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from buildstatic.cli.examining import REMOTE

# Reasons for not asking the project's Python that need no word.
NO_RUN = "--no-run"
MEANT = (NO_RUN, REMOTE)

if TYPE_CHECKING:
    from buildstatic.checks import Finding
    from buildstatic.project import Edit, Project

COLOURS = {"error": "bold red", "warning": "yellow", "info": "cyan"}
COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


@dataclass(frozen=True)
class Checkup:
    """What there is to say of *project*; *unexamined* is why its own Python said nothing."""

    project: Project
    edits: Sequence[Edit]
    findings: Sequence[Finding]
    unexamined: str


def examine(
    path: Path, manage: str | None, settings: str | None, python: Path | None, *, runs: bool
) -> Checkup:
    """Read the project in *path*, run what may run of it, and return what is found."""
    from datetime import UTC, datetime

    from buildstatic.checks import load_context, run_checks, validate_silence
    from buildstatic.cli.examining import examined
    from buildstatic.project.config import load
    from buildstatic.project.detect import detect

    project = detect(path, manage=manage, settings=settings)
    config = load(project.root)
    validate_silence(config)
    seen, reason = examined(project, config, python) if runs else (None, NO_RUN)
    case = load_context(project, config, seen, datetime.now(UTC).date())
    return Checkup(project, case.edits, run_checks(case), reason)


def repair(checkup: Checkup) -> tuple[Finding, ...]:
    """Make the safe repairs and return the findings that they were for."""
    from buildstatic.checks.fixes import apply_fixes as make

    return make(checkup.project.root, checkup.findings)


def say_made(made: Sequence[Finding]) -> None:
    """Print what was mended, along the way."""
    from buildstatic import console

    for finding in made:
        console.note(f"fixed: {finding.place}: {finding.what} ({finding.code})")


def say(checkup: Checkup) -> None:
    """Print the findings for people, and how many there are of each severity."""
    from buildstatic import console

    for finding in checkup.findings:
        word = finding.severity.word
        console.out().print(f"[{COLOURS[word]}]{word}:[/]", end=" ")
        console.say(f"{finding.place}: {finding.what} [{finding.code}]")
        console.say(f"    {finding.why}")
        safe = " (--fix does it)" if finding.autofix else ""
        console.say(f"    Fix: {finding.fix}{safe}\n")
    if checkup.unexamined and checkup.unexamined not in MEANT:
        said = f"references were not looked at, and names only read: {checkup.unexamined}"
        console.note(f"note: {said}")
    console.say(f"{_counted(checkup.findings)}\n")


def _counted(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.severity for finding in findings)
    words = [
        f"{counts[severity]} {severity.word}{'s' if counts[severity] > 1 else ''}"
        for severity in sorted(counts, reverse=True)
    ]
    return f"Found: {', '.join(words)}." if words else "Nothing found that will bite."


def annotate(checkup: Checkup) -> None:
    """Print the findings as commands for GitHub Actions.

    https://docs.github.com/actions/reference/workflow-commands-for-github-actions; files count from
    the workspace, the current directory where none is named.
    """
    workspace = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    for finding in checkup.findings:
        place = checkup.project.root / finding.file
        file = os.path.relpath(place, workspace)
        properties = {"file": file, **({"line": str(finding.line)} if finding.line else {})}
        written = ",".join(f"{k}={_property(v)}" for k, v in _titled(properties, finding).items())
        message = f"{finding.what} {finding.why}\nFix: {finding.fix}"
        click.echo(f"::{COMMANDS[finding.severity.word]} {written}::{_data(message)}")


def _titled(properties: Mapping[str, str], finding: Finding) -> dict[str, str]:
    return {**properties, "title": finding.code}


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def described(finding: Finding) -> dict[str, Any]:
    """Return *finding* as JSON has it."""
    return {
        "code": finding.code,
        "severity": finding.severity.word,
        "file": finding.file,
        "line": finding.line or None,
        "what": finding.what,
        "why": finding.why,
        "fix": finding.fix,
        "fixable": finding.autofix is not None,
    }
