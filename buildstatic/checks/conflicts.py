"""Files with the same name and different content in several source directories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity
from buildstatic.checks.static_sources import source_directories, source_files
from buildstatic.project import files

CODES: tuple[str, ...] = ("names-conflict",)


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield accidental conflicts, as seen by the project's finders or else read from its files."""
    for name, winner, loser in _conflicts(context):
        file, other = (files.relative(Path(path), context.root) for path in (loser, winner))
        yield Finding(
            CODES[0],
            Severity.WARNING,
            file,
            0,
            f"{name} is collected from {other}, and this different file is not collected.",
            "Pages that need this file get the other one, and reordering the apps swaps them.",
            f"Move it to a directory named after its app: static/<app>/{name}",
        )


def _conflicts(context: CheckContext) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the collected path and the shadowed path of each conflict."""
    if context.problems is not None:
        for found in context.problems["conflicts"]:
            for loser in found["left_out"]:
                yield found["path"], found["collected"], loser
        return
    sources = tuple(source_directories(context))
    apps = {source.app for source in sources}
    winners: dict[str, str] = {}
    for source in sources:
        for name, path in source_files(context, source):
            winner = winners.setdefault(name, path)
            # A file in a directory named after an app overrides that app's file on purpose.
            is_override = "/" in name and name.partition("/")[0] in apps
            if winner != path and not is_override and _differ(winner, path):
                yield name, winner, path


def _differ(one: str, other: str) -> bool:
    try:
        return Path(one).read_bytes() != Path(other).read_bytes()
    except OSError:
        return False
