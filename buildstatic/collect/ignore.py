"""Sources to leave out: by gitignore patterns, and files of an earlier run.

Django's own patterns (``--ignore`` and the app's ``ignore_patterns``) are shell patterns that the
finders apply. The patterns here are the user's, in gitignore syntax, and apply to the collected
path (git-scm.com/docs/gitignore).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from buildstatic.collect.project_setup import importable
from buildstatic.collect.request import Request
from buildstatic.collect.sources import Finder, Source, ignore_patterns, sources_of
from buildstatic.errors import ConfigInvalid


@dataclass(frozen=True)
class Ignored:
    """A source that is left out, and the *rule* that excludes it."""

    source: Source
    rule: str


def leave_out(
    request: Request, sources: Iterable[Source], trees: Iterable[Path]
) -> tuple[tuple[Source, ...], tuple[Ignored, ...]]:
    """Return *sources* without the ignored ones, and the ignored ones.

    Ignored are those that match the patterns of *request*, and those that an earlier run wrote into
    one of *trees*, if that is inside a source directory: Django would collect them again, one level
    deeper. Raises `ConfigInvalid` for an invalid pattern.
    """
    pattern_rule = _pattern_rule(request)
    tree_rule = in_trees(trees)
    kept, ignored = [], []
    for source in sources:
        rule = pattern_rule(source.path) or tree_rule(source)
        if rule:
            ignored.append(Ignored(source, rule))
        else:
            kept.append(source)
    return tuple(kept), tuple(ignored)


def _pattern_rule(request: Request) -> Callable[[str], str]:
    """Return a function from a path to the pattern that excludes it, empty for none."""
    if not request.patterns:
        return lambda _: ""
    with importable(request.libraries):
        from pathspec import GitIgnoreSpec

    for pattern, place in request.patterns:
        try:
            GitIgnoreSpec.from_lines([pattern])
        except ValueError as error:
            problem = f"{place}: {pattern} is not a valid gitignore pattern."
            raise ConfigInvalid(problem, "Fix or remove it.") from error
    spec = GitIgnoreSpec.from_lines([pattern for pattern, _ in request.patterns])

    def rule(path: str) -> str:
        found = spec.check_file(path)
        if not found.include or found.index is None:
            return ""
        pattern, place = request.patterns[found.index]
        return f"{pattern} ({place})"

    return rule


def in_trees(trees: Iterable[Path]) -> Callable[[Source], str]:
    """Return a function that tells which of *trees* a source is in, empty for none."""
    resolved = tuple(tree.resolve() for tree in trees)
    inside: dict[str, list[str]] = {}  # the trees in each storage's location, relative to it

    def rule(source: Source) -> str:
        location = getattr(source.storage, "location", None)
        if not location:
            return ""
        if location not in inside:
            real = Path(location).resolve()
            inside[location] = [
                tree.relative_to(real).as_posix() for tree in resolved if real in tree.parents
            ]
        for directory in inside[location]:
            if source.name.startswith(f"{directory}/"):
                return f"in {directory}, where files are collected to"
        return ""

    return rule


def ignored_by_django(
    request: Request, finders: Iterable[Finder], sources: Iterable[Source]
) -> tuple[Ignored, ...]:
    """Return what *finders* offer beside *sources* if Django ignores nothing."""
    known = {(source.path, source.name, id(source.storage)) for source in sources}
    patterns = ignore_patterns(request)
    return tuple(
        Ignored(source, _django_rule(source.name, patterns))
        for finder in finders
        for source in sources_of(finder, [])
        if (source.path, source.name, id(source.storage)) not in known
    )


def _django_rule(name: str, patterns: Iterable[str]) -> str:
    """Return the pattern that excludes *name* (``django.contrib.staticfiles.utils``)."""
    parts = name.split("/")
    parents = ["/".join(parts[: length + 1]) for length in range(len(parts))]
    for pattern in patterns:
        if any(fnmatchcase(part, pattern) for part in (*parts, *parents)):
            return f"{pattern} (Django)"
    return "Django's patterns"
