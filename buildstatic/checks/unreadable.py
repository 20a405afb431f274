"""Static files that cannot be read, such as broken symbolic links."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity
from buildstatic.checks.static_sources import source_directories, source_files
from buildstatic.project import files
from buildstatic.project.config import ignore_patterns

CODES: tuple[str, ...] = ("source-unreadable",)


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the sources that cannot be read, as found by collecting or else by reading."""
    for path, problem in _unreadable(context):
        yield Finding(
            CODES[0],
            Severity.ERROR,
            files.relative(Path(path), context.root),
            0,
            problem,
            "Collecting fails when it reaches this file.",
            "Fix it, or exclude it in .staticignore.",
        )


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
