"""Files that cannot be read: broken links among the sources, code in the image, front ends."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity, split_source
from buildstatic.checks.static_sources import source_directories, source_files
from buildstatic.project import files
from buildstatic.project.config import ignore_patterns

CODES: tuple[str, ...] = ("source-unreadable", "code-unreadable", "frontend-invalid")
USER = re.compile(r"^\s*USER\s", re.IGNORECASE | re.MULTILINE)


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the sources that cannot be read, as found by collecting or else by reading."""
    for path, problem in _unreadable(context):
        if _leads_to_node_modules(context, Path(path)):
            continue
        yield Finding(
            CODES[0],
            Severity.ERROR,
            files.relative(Path(path), context.root),
            0,
            problem,
            "Collecting fails when it reaches this file.",
            "Fix it, or exclude it in .staticignore.",
        )
    yield from _private_code(context)
    for error in context.project.invalid:
        place, separator, what = error.problem.partition(": ")
        yield Finding(
            CODES[2],
            Severity.ERROR,
            *split_source(place if separator else "package.json"),
            what if separator else error.problem,
            "Nothing can install or build this front end, so it is not checked.",
            error.advice or "Fix the file.",
        )


def _leads_to_node_modules(context: CheckContext, path: Path) -> bool:
    """Return whether *path* is a link into packages that only the image has."""
    target = files.resolved(path)
    modules = (
        files.resolved(context.root / fact.value.modules)
        for fact in context.project.frontends
        if fact.value.modules
    )
    return path.is_symlink() and any(
        target.is_relative_to(place) and not place.exists() for place in modules
    )


def _private_code(context: CheckContext) -> Iterator[Finding]:
    """Yield the first file of the project's code that only its owner can read.

    COPY keeps modes (docs.docker.com/reference/dockerfile, "COPY --chown --chmod"), and the image
    runs as another user than root.
    """
    dockerfile = context.read_text("Dockerfile")
    if dockerfile is not None and not USER.search(dockerfile):
        return
    for path in (context.root / context.project.manage.value, *context.settings_files):
        mode = path.stat().st_mode
        if not mode & stat.S_IROTH:
            name = files.relative(path, context.root)
            yield Finding(
                CODES[1],
                Severity.WARNING,
                name,
                0,
                f"{name} has mode {stat.S_IMODE(mode):04o}: only its owner can read it.",
                "The image runs as another user, and cannot import the project.",
                "chmod -R go+rX .",
            )
            return


def _unreadable(context: CheckContext) -> Iterator[tuple[str, str]]:
    """Yield the path of each unreadable source and what is wrong with it."""
    if context.problems is not None:
        for found in context.problems["unreadable"]:
            yield found["source"], found["problem"]
        return
    patterns = ignore_patterns(context.root, context.project.config)
    ignored = GitIgnoreSpec.from_lines([pattern for pattern, _ in patterns])
    for source in source_directories(context):
        for name, file in source_files(context, source, with_broken_links=True):
            path = Path(file)
            if path.is_symlink() and not path.exists() and not ignored.match_file(name):
                place = files.relative(path, context.root)
                yield file, f"{place} is a broken symbolic link (to {path.readlink()})."
