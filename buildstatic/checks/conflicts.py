"""Names that several sources offer, with different content, and not meant to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity
from buildstatic.checks.static_sources import directories, names
from buildstatic.project import files

CONFLICT = "names-conflict"
CODES = {CONFLICT: "files of one name have different content, and one of them is lost"}


def find(case: CheckContext) -> Iterator[Finding]:
    """Yield each accidental conflict, as the project's finders see it, else by reading."""
    if case.examined is None:
        yield from _by_reading(case)
        return
    for found in case.examined["conflicts"]:
        for left_out in found["left_out"]:
            yield _finding(case, found["path"], found["collected"], left_out)


def _by_reading(case: CheckContext) -> Iterator[Finding]:
    sources = directories(case)
    apps = {source.app for source in sources}
    first: dict[str, str] = {}
    for source in sources:
        for name, path in names(case, source):
            winner = first.setdefault(name, path)
            is_meant = "/" in name and name.partition("/")[0] in apps
            if winner != path and not is_meant and _differ(winner, path):
                yield _finding(case, name, winner, path)


def _differ(one: str, other: str) -> bool:
    try:
        return Path(one).read_bytes() != Path(other).read_bytes()
    except OSError:
        return False


def _finding(case: CheckContext, name: str, winner: str, loser: str) -> Finding:
    file, other = (files.relative(Path(path), case.root) for path in (loser, winner))
    return Finding(
        CONFLICT,
        Severity.WARNING,
        file,
        0,
        f"{name} is collected from {other}, not from here, and the two are different.",
        "Pages that mean this one get the other, and another order of the apps swaps them.",
        f"Put it into a directory named after its app: static/<app>/{name}",
    )
