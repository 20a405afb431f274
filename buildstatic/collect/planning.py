"""The fourth step: which sources win, which are shadowed, and which of those is an accident."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from buildstatic.collect.comparing import differ
from buildstatic.collect.ignoring import Ignored
from buildstatic.collect.request import Request
from buildstatic.collect.sources import Source
from buildstatic.errors import FilesConflict


@dataclass(frozen=True)
class Shadowed:
    """A source that is not collected, because *by*, an earlier one, has its path."""

    source: Source
    by: Source

    @cached_property
    def differs(self) -> bool:
        """Tell whether something else is collected; both are read for it, once."""
        return differ(self.by, self.source)


@dataclass(frozen=True)
class Plan:
    """What is going to be collected; made before anything is written.

    *offers* are the sources in the finders' order, of which those in *wins* are collected;
    *ignored* are those that were left out before.
    """

    offers: tuple[Source, ...]
    wins: tuple[Source, ...]
    shadowed: tuple[Shadowed, ...]
    ignored: tuple[Ignored, ...] = ()


@dataclass(frozen=True)
class Conflict:
    """Files with one path and different content, of which only *collected* gets into the tree.

    *is_meant* says that the path is in a directory named after an installed app, which is how
    Django means an app's file to be overridden; any other is most likely an accident.
    """

    collected: Source
    left_out: tuple[Source, ...]
    is_meant: bool

    def __str__(self) -> str:
        others = " and ".join(source.place for source in self.left_out)
        verb = "are" if len(self.left_out) > 1 else "is"
        advice = (
            f"Put each into a directory named after its app: static/<app>/{self.collected.path}."
        )
        return (
            f"{self.collected.path} is offered more than once, with different content: "
            f"{self.collected.place} is collected, {others} {verb} not."
            + ("" if self.is_meant else f" {advice}")
        )


def make_plan(sources: tuple[Source, ...], ignored: tuple[Ignored, ...] = ()) -> Plan:
    """Return what is collected of *sources*: of those with one path, the first."""
    wins: dict[str, Source] = {}
    shadowed = []
    for source in sources:
        winner = wins.setdefault(source.path, source)
        if winner is not source:
            shadowed.append(Shadowed(source, winner))
    return Plan(sources, tuple(wins.values()), tuple(shadowed), ignored)


def conflicts(plan: Plan) -> Iterator[Conflict]:
    """Yield the shadowed sources of *plan* that have other content than what is collected."""
    apps = _app_names() if plan.shadowed else set()
    left_out: dict[str, list[Source]] = {}
    for shadowed in plan.shadowed:
        if shadowed.differs:
            left_out.setdefault(shadowed.by.path, []).append(shadowed.source)
    for winner in plan.wins:
        if others := left_out.get(winner.path):
            first, slash, _ = winner.path.partition("/")
            yield Conflict(winner, tuple(others), bool(slash) and first in apps)


def check_strict(request: Request, accidents: Sequence[Conflict]) -> None:
    """Raise `FilesConflict` where there is any of *accidents* and *request* is strict."""
    if request.strict and accidents:
        listed = "\n".join(f"    {conflict}" for conflict in accidents)
        raise FilesConflict(
            f"Files with one path and different content, of which one would be lost:\n{listed}",
            "Mend them, or leave out --strict.",
        )


def _app_names() -> set[str]:
    """Return the labels of the installed apps and the last parts of their modules."""
    from django.apps import apps

    configs = apps.get_app_configs()
    return {c.label for c in configs} | {c.name.rpartition(".")[2] for c in configs}
