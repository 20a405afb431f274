"""The plan: which of the sources are collected.

Only names are read here, and the content of files that have one path. The user's patterns are in
gitignore syntax and apply to the collected path (git-scm.com/docs/gitignore); Django's own
(``--ignore`` and the app's ``ignore_patterns``) are shell patterns that the finders apply.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from buildstatic.collect.codecs import importable
from buildstatic.collect.request import Request
from buildstatic.collect.sources import Ignored, Source
from buildstatic.collect.workers.file_tasks import CHUNK, open_regular
from buildstatic.errors import CollectFailed, ConfigInvalid


@dataclass(frozen=True)
class Shadowed:
    """A source that is not collected, because *by*, an earlier one, has its path."""

    source: Source
    by: Source

    @cached_property
    def differs(self) -> bool:
        """Tell whether the content differs; both files are read for it, once."""
        return _differ(self.by, self.source)


@dataclass(frozen=True)
class Conflict:
    """Files with the same path and different content, of which only *collected* is collected.

    *is_intended*: the path is in a directory named after an installed app, which is Django's way to
    override an app's file; any other conflict is most likely an accident.
    """

    collected: Source
    left_out: tuple[Source, ...]
    is_intended: bool

    def __str__(self) -> str:
        others = " and ".join(source.place for source in self.left_out)
        verb = "are" if len(self.left_out) > 1 else "is"
        sentence = (
            f"Different files have the path {self.collected.path}: "
            f"{self.collected.place} is collected, {others} {verb} not."
        )
        if self.is_intended:
            return sentence
        return (
            f"{sentence} Move each to a directory named after its app: "
            f"static/<app>/{self.collected.path}."
        )


@dataclass(frozen=True)
class Plan:
    """What will be collected; made before anything is written.

    *offers* are the sources in the finders' order, of which those in *wins* are collected;
    *ignored* were left out before. *conflicts* are shadowed sources that differ from what is
    collected.
    """

    offers: tuple[Source, ...]
    wins: tuple[Source, ...]
    shadowed: tuple[Shadowed, ...]
    ignored: tuple[Ignored, ...]
    conflicts: tuple[Conflict, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON values, in the format of ``--report``."""
        # It imports importlib.metadata, which takes tens of milliseconds.
        from buildstatic.collect.distributions import owners

        places = [source.place for source in self.wins]
        distributions = owners(places)
        return {
            "files": [
                {"path": source.path, "source": place, "distribution": distributions.get(place)}
                for source, place in zip(self.wins, places, strict=True)
            ],
            "shadowed": [
                {
                    "path": shadowed.source.path,
                    "source": shadowed.source.place,
                    "by": shadowed.by.place,
                    "equal": not shadowed.differs,
                }
                for shadowed in self.shadowed
            ],
            "ignored": [
                {"path": ignored.source.path, "source": ignored.source.place, "rule": ignored.rule}
                for ignored in self.ignored
            ],
        }


def plan_sources(
    request: Request,
    offered: Iterable[Source],
    trees: Iterable[Path],
    ignored: Iterable[Ignored] = (),
) -> Plan:
    """Return the plan for the sources *offered*.

    Left out is what matches the patterns of *request*, and what an earlier run wrote into one of
    *trees*, if that is inside a source directory: Django would collect it again, one level deeper.
    The plan also lists what was *ignored* before.

    Raises `CollectFailed` for a path outside the tree, and `ConfigInvalid` for an invalid pattern.
    """
    pattern_rule = _pattern_rule(request)
    tree_rule = in_trees(trees)
    kept, left_out = [], []
    for source in offered:
        if rule := pattern_rule(source.path) or tree_rule(source):
            left_out.append(Ignored(source, rule))
        else:
            kept.append(source)
    _check_paths(kept)
    plan = make_plan(kept, [*left_out, *ignored])
    return replace(plan, conflicts=tuple(_find_conflicts(plan)))


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


def check_path(source: Source) -> None:
    """Raise SuspiciousFileOperation, as Django does, if *source* is outside the tree."""
    path = source.path
    # Django's own rule, which takes longer, for what it may reject.
    if ".." in path or path in ("", ".") or path[0] == "/" or path.endswith(("/", "/.")):
        from django.core.files.utils import validate_file_name

        validate_file_name(path, allow_relative_path=True)


def _check_paths(sources: Iterable[Source]) -> None:
    """Raise `CollectFailed` for the first of *sources* that `check_path` rejects."""
    from django.core.exceptions import SuspiciousFileOperation

    for source in sources:
        try:
            check_path(source)
        except SuspiciousFileOperation as error:
            try:
                place = source.place
            except SuspiciousFileOperation:  # a storage may reject the name that it offers
                place = source.name
            problem = f"{place} cannot be collected: {error}."
            advice = "Rename it, or exclude it with --ignore PATTERN."
            raise CollectFailed(problem, advice) from error


def make_plan(sources: Sequence[Source], ignored: Sequence[Ignored] = ()) -> Plan:
    """Return the plan for *sources*: of those with the same path, the first is collected.

    Conflicts are not looked for, which would read files.
    """
    wins: dict[str, Source] = {}
    shadowed = []
    for source in sources:
        winner = wins.setdefault(source.path, source)
        if winner is not source:
            shadowed.append(Shadowed(source, winner))
    return Plan(tuple(sources), tuple(wins.values()), tuple(shadowed), tuple(ignored))


def _find_conflicts(plan: Plan) -> Iterator[Conflict]:
    """Yield the shadowed sources of *plan* whose content differs from what is collected."""
    from django.apps import apps

    left_out: dict[str, list[Source]] = {}
    for shadowed in plan.shadowed:
        if shadowed.differs:
            left_out.setdefault(shadowed.by.path, []).append(shadowed.source)
    if not left_out:
        return
    configs = apps.get_app_configs()
    names = {c.label for c in configs} | {c.name.rpartition(".")[2] for c in configs}
    for winner in plan.wins:
        if others := left_out.get(winner.path):
            first, slash, _ = winner.path.partition("/")
            yield Conflict(winner, tuple(others), bool(slash) and first in names)


def _differ(one: Source, other: Source) -> bool:
    """Tell whether two sources differ in content; False if one cannot be read."""
    try:
        paths = one.local_path(), other.local_path()
        return _files_differ(*paths) if all(paths) else one.read() != other.read()
    except Exception:
        # Django never opens a shadowed file, so it must not fail the run here.
        return False


def _files_differ(one: str, other: str) -> bool:
    """Tell whether two files differ, reading no more of them than necessary."""
    with ExitStack() as closing:
        descriptors: list[int] = []
        sizes: set[int] = set()
        for path in (one, other):
            descriptor, status = open_regular(path)
            closing.callback(os.close, descriptor)
            descriptors.append(descriptor)
            sizes.add(status.st_size)
        if len(sizes) > 1:
            return True
        while chunk := os.read(descriptors[0], CHUNK):
            if os.read(descriptors[1], len(chunk)) != chunk:
                return True
        return False
