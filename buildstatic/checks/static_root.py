"""STATIC_ROOT: missing, overlapping with source directories, or tracked by git."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from buildstatic.checks import git
from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Autofix, Finding, Severity, split_source
from buildstatic.checks.fixes import insert_below_assignment
from buildstatic.checks.static_sources import collected_directory, source_directories

MISSING, INSIDE, TRACKED = "static-root-missing", "static-root-in-sources", "static-root-in-git"
CODES: tuple[str, ...] = (MISSING, INSIDE, TRACKED)


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the problems with STATIC_ROOT."""
    yield from _missing(context)
    yield from _inside(context)
    yield from _tracked(context)


def _missing(context: CheckContext) -> Iterator[Finding]:
    for edit in context.edits:
        if not edit.text.startswith("STATIC_ROOT = "):
            continue
        url = context.settings.get("STATIC_URL")
        file, line = split_source(url.source) if url is not None else (edit.file, 0)
        yield Finding(
            MISSING,
            Severity.ERROR,
            file,
            line,
            "STATIC_ROOT is not set.",
            "collectstatic fails because it has no directory to collect into.",
            f"Add {edit.text}",
            Autofix(file, insert_below_assignment("STATIC_URL", edit.text)),
        )


def _inside(context: CheckContext) -> Iterator[Finding]:
    """Yield an overlap; Django's staticfiles.E002 only sees equality with STATICFILES_DIRS."""
    setting = context.project.static_root
    if setting is None or not context.has_local_storage:
        return
    root = PurePosixPath(setting.value)
    for source in source_directories(context):
        path = PurePosixPath(source.path)
        if root == path:
            relation = "is"
        elif root.is_relative_to(path):
            relation = "is inside"
        elif path.is_relative_to(root):
            relation = "contains"
        else:
            continue
        yield Finding(
            INSIDE,
            Severity.ERROR,
            *split_source(setting.source),
            f"STATIC_ROOT {relation} {path}, a source directory of static files ({source.source}).",
            "Collected files are collected again, and collectstatic --clear deletes the sources.",
            "Set STATIC_ROOT to a separate directory, such as staticfiles next to manage.py.",
        )
        return


def _tracked(context: CheckContext) -> Iterator[Finding]:
    root = collected_directory(context)
    tracked = git.list_content(context.root, root) if root else None
    if not tracked:
        return
    count = "1 collected file" if len(tracked) == 1 else f"{len(tracked)} collected files"
    yield Finding(
        TRACKED,
        Severity.WARNING,
        tracked[0],
        0,
        f"git tracks {count} in {root}.",
        "They are outdated as soon as a source changes, and every build includes them.",
        f"git rm -r --cached -- {root}",
    )
