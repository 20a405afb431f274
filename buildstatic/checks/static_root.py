"""STATIC_ROOT: not set, where the sources are, or checked in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from buildstatic.checks import git
from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Autofix, Finding, Severity, split
from buildstatic.checks.lines import below_assignment
from buildstatic.checks.static_sources import directories

MISSING, INSIDE, TRACKED = "static-root-missing", "static-root-in-sources", "static-root-in-git"
CODES = {
    MISSING: "STATIC_ROOT is not set",
    INSIDE: "STATIC_ROOT and a directory of sources are one inside the other",
    TRACKED: "collected files are in git",
}


def find(case: CheckContext) -> Iterator[Finding]:
    """Yield what is wrong with STATIC_ROOT."""
    yield from _missing(case)
    yield from _inside(case)
    yield from _tracked(case)


def _missing(case: CheckContext) -> Iterator[Finding]:
    for edit in case.edits:
        if not edit.text.startswith("STATIC_ROOT = "):
            continue
        url = case.settings.get("STATIC_URL")
        file, line = split(url.source) if url is not None else (edit.file, 0)
        yield Finding(
            MISSING,
            Severity.ERROR,
            file,
            line,
            "STATIC_ROOT is not set.",
            "collectstatic stops: it has no place to collect the files into.",
            f"Write {edit.text}",
            Autofix(file, below_assignment("STATIC_URL", edit.text)),
        )


def _inside(case: CheckContext) -> Iterator[Finding]:
    """Django's own check, staticfiles.E002, sees only STATICFILES_DIRS that are STATIC_ROOT."""
    root = case.project.static_root
    if root is None or not case.is_local:
        return
    tree = PurePosixPath(root.value)
    for source in directories(case):
        place = PurePosixPath(source.directory)
        if tree != place and not tree.is_relative_to(place) and not place.is_relative_to(tree):
            continue
        how = "is" if tree == place else "is in" if tree.is_relative_to(place) else "holds"
        yield Finding(
            INSIDE,
            Severity.ERROR,
            *split(root.source),
            f"STATIC_ROOT {how} {place}, where static files come from ({source.place}).",
            "Collected files are collected again, and --clear deletes the sources.",
            "Let STATIC_ROOT be a directory of its own, such as staticfiles beside manage.py.",
        )
        return


def _tracked(case: CheckContext) -> Iterator[Finding]:
    tracked = git.listed(case.root, "--", case.tree) if case.tree else None
    if not tracked:
        return
    count = f"{len(tracked)} collected file{'s' if len(tracked) > 1 else ''}"
    yield Finding(
        TRACKED,
        Severity.WARNING,
        tracked[0],
        0,
        f"{count} of {case.tree} {'are' if len(tracked) > 1 else 'is'} in git.",
        "They are stale as soon as a source changes, and go into every build beside the new ones.",
        f"git rm -r --cached -- {case.tree}",
    )
