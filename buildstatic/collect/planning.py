"""The plan: which sources are collected, which are shadowed, and which of those by accident."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from buildstatic.collect.ignore import Ignored
from buildstatic.collect.reading import local_path
from buildstatic.collect.request import Request
from buildstatic.collect.sources import Source
from buildstatic.collect.workers.read_task import CHUNK, open_regular
from buildstatic.errors import FilesConflict


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
class Plan:
    """What will be collected; made before anything is written.

    *offers* are the sources in the finders' order, of which those in *wins* are collected;
    *ignored* were left out before.
    """

    offers: tuple[Source, ...]
    wins: tuple[Source, ...]
    shadowed: tuple[Shadowed, ...]
    ignored: tuple[Ignored, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON values, in the format of ``--report``."""
        return {
            "files": [{"path": source.path, "source": source.place} for source in self.wins],
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


def make_plan(sources: tuple[Source, ...], ignored: tuple[Ignored, ...] = ()) -> Plan:
    """Return the plan for *sources*: of those with the same path, the first is collected."""
    wins: dict[str, Source] = {}
    shadowed = []
    for source in sources:
        winner = wins.setdefault(source.path, source)
        if winner is not source:
            shadowed.append(Shadowed(source, winner))
    return Plan(sources, tuple(wins.values()), tuple(shadowed), ignored)


def find_conflicts(plan: Plan) -> Iterator[Conflict]:
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


def check_strict(request: Request, conflicts: Sequence[Conflict]) -> None:
    """Raise `FilesConflict` if there are *conflicts* and *request* is strict."""
    if request.strict and conflicts:
        lines = "\n".join(f"    {conflict}" for conflict in conflicts)
        problem = f"Different files have the same path, and only one can be collected:\n{lines}"
        raise FilesConflict(problem, "Rename or remove the others, or omit --strict.")


def _differ(one: Source, other: Source) -> bool:
    """Tell whether two sources differ in content; False if one cannot be read."""
    try:
        paths = local_path(one), local_path(other)
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
