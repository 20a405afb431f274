"""Branches: what names are worth where it is open, or plain, which way the code goes."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from buildstatic.project.settings.expressions import evaluate
from buildstatic.project.settings.state import End, Frame
from buildstatic.project.settings.values import Value, merge, truth


def follow_if(node: ast.If, frame: Frame) -> End:
    """Follow both ways of an ``if``.

    Where constants alone decide, the names are those of the way taken, and of the other what only
    it sets. Where the environment has a say, they are merged: ``if DEBUG:`` is either.
    """
    test = evaluate(node.test, frame)
    holds = truth(test)
    frame.tested += test.reads
    ways = frame.branch(holds is True), frame.branch(holds is False)
    ends = frame.follow(node.body, ways[0]), frame.follow(node.orelse, ways[1])
    for end, when in zip(ends, (True, False), strict=True):
        if end is End.RAISES:
            demand(test, frame, holds=when)
    if holds is not None:
        taken = 0 if holds else 1
        _leave(frame, ends[taken], ways[taken])
        if not test.reads:
            frame.rename({**ways[1 - taken].names, **ways[taken].names})
            return ends[taken]
    return _settle(frame, list(zip(ways, ends, strict=True)), test.reads)


def _leave(frame: Frame, end: End, way: Frame) -> None:
    """Note that what follows is not reached, if the way taken returns."""
    if frame.runs and (end is End.LEAVES or not way.runs):
        frame.runs = False


def _settle(frame: Frame, ways: Sequence[tuple[Frame, End]], tested: tuple[str, ...]) -> End:
    """Give *frame* the names of the ways that go on; say how it ends where none does."""
    going = [way for way, end in ways if end is End.FALLS]
    if not going:
        return End.LEAVES if any(end is End.LEAVES for _, end in ways) else End.RAISES
    names = going[0].names
    for way in going[1:]:
        names = merged(names, way.names, tested)
    frame.rename(names)
    return End.FALLS


def merged(
    one: dict[str, Value], other: dict[str, Value], tested: tuple[str, ...] = ()
) -> dict[str, Value]:
    """Return the names of two ways, each worth what `merge` makes of it."""
    return {
        name: one[name]
        if one.get(name) is other.get(name)
        else merge(one.get(name), other.get(name), tested)
        for name in dict.fromkeys((*one, *other))
    }


def follow_maybe(bodies: Sequence[Sequence[ast.stmt]], test: Value, frame: Frame) -> None:
    """Follow *bodies* of which any or none may be run."""
    for body in bodies:
        way = frame.branch(runs=False)
        frame.follow(body, way)
        frame.rename(merged(frame.names, way.names, test.reads))


def demand(test: Value, frame: Frame, *, holds: bool) -> None:
    """Note that the code gives up where *test* is *holds*: ``if not SECRET_KEY: raise``.

    If it is so in an empty environment, the variables without a default behind it are required.
    """
    if frame.runs and truth(test) is holds:
        for entry in frame.reading.reads:
            if entry.bare and entry.name in test.reads:
                entry.required = True
