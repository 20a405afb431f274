"""What is left out: by patterns in gitignore syntax, and what lies in the tree itself.

Django's own patterns (``--ignore`` and the app's ``ignore_patterns``) are shell patterns, and the
finders honour them; here are the person's own, on the collected path (git-scm.com/docs/gitignore).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from buildstatic.collect.libraries import importable
from buildstatic.collect.request import Request
from buildstatic.collect.sources import Finder, Source, ignore_patterns, sources_of
from buildstatic.errors import ConfigInvalid


@dataclass(frozen=True)
class Ignored:
    """A source that a finder offers and that is left out, and the *rule* that says so."""

    source: Source
    rule: str


def leave_out(
    request: Request, sources: Iterable[Source], trees: Iterable[Path]
) -> tuple[tuple[Source, ...], tuple[Ignored, ...]]:
    """Return *sources* without what is ignored, and what is.

    That is what the patterns of *request* match, and what an earlier run has put into one of
    *trees* that lies in a directory of sources: Django would collect it again, one level deeper.
    Raises `ConfigInvalid` for what is no pattern.
    """
    by_pattern = _matcher(request)
    by_place = in_trees(trees)
    kept, ignored = [], []
    for source in sources:
        rule = by_pattern(source.path) or by_place(source)
        if rule:
            ignored.append(Ignored(source, rule))
        else:
            kept.append(source)
    return tuple(kept), tuple(ignored)


def in_trees(trees: Iterable[Path]) -> Callable[[Source], str]:
    """Return what says of a source that it is in one of *trees*, empty where it is not."""
    return _Collected(tuple(tree.resolve() for tree in trees)).rule


def _matcher(request: Request) -> Callable[[str], str]:
    if not request.patterns:
        return lambda _: ""
    with importable(request.libraries):
        from pathspec import GitIgnoreSpec

    for pattern, place in request.patterns:
        _check(GitIgnoreSpec, pattern, place)
    spec = GitIgnoreSpec.from_lines([pattern for pattern, _ in request.patterns])

    def rule(path: str) -> str:
        found = spec.check_file(path)
        if not found.include or found.index is None:
            return ""
        pattern, place = request.patterns[found.index]
        return f"{pattern} ({place})"

    return rule


def _check(spec: Any, pattern: str, place: str) -> None:
    try:
        spec.from_lines([pattern])
    except ValueError as error:
        problem = f"{place}: {pattern} is no pattern in gitignore's syntax."
        raise ConfigInvalid(problem, "Mend it, or take it out.") from error


@dataclass(frozen=True)
class _Collected:
    """What earlier runs have put into *trees*; *inside* is where these are in a storage's place."""

    trees: tuple[Path, ...]
    inside: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def rule(self, source: Source) -> str:
        location = getattr(source.storage, "location", None)
        if not location:
            return ""
        if location not in self.inside:
            self.inside[location] = tuple(self._places(Path(location).resolve()))
        for place in self.inside[location]:
            if source.name.startswith(f"{place}/"):
                return f"it is in {place}, where files are collected to"
        return ""

    def _places(self, location: Path) -> Iterator[str]:
        for tree in self.trees:
            if location in tree.parents:
                yield tree.relative_to(location).as_posix()


def ignored_by_django(
    request: Request, finders: Iterable[Finder], sources: Iterable[Source]
) -> tuple[Ignored, ...]:
    """Return what *finders* would offer beside *sources* if Django ignored nothing."""
    known = {(source.path, source.name, id(source.storage)) for source in sources}
    patterns = ignore_patterns(request)
    return tuple(
        Ignored(source, _django_rule(source.name, patterns))
        for finder in finders
        for source in sources_of(finder, [])
        if (source.path, source.name, id(source.storage)) not in known
    )


def _django_rule(name: str, patterns: Iterable[str]) -> str:
    """Return the pattern that *name* is ignored by (``django.contrib.staticfiles.utils``)."""
    parts = name.split("/")
    below = ["/".join(parts[: length + 1]) for length in range(len(parts))]
    for pattern in patterns:
        if any(fnmatchcase(part, pattern) for part in (*parts, *below)):
            return f"{pattern} (Django)"
    return "Django's patterns"
