"""``try``: settings use it for local settings that may not be there, and for variables."""

from __future__ import annotations

import ast

from buildstatic.project.settings.branches import merged
from buildstatic.project.settings.state import End, Frame, Read
from buildstatic.project.settings.values import Value, merge

IMPORTS = frozenset({"ImportError", "ModuleNotFoundError"})
BROAD = frozenset({"Exception", "BaseException"})
# What os.environ, django-environ, python-decouple and environs raise.
READS = frozenset(
    {
        "KeyError",
        "LookupError",
        "ImproperlyConfigured",
        "UndefinedValueError",
        "EnvError",
        "EnvValidationError",
    }
)


def follow_try(node: ast.Try | ast.TryStar, frame: Frame) -> End:
    """Follow a ``try`` and its handlers.

    A handler is what holds where an import of the project's own has no file, or a variable is not
    set; any other counts for the names that it sets.
    """
    reading = frame.reading
    mark, missed, unseen = len(reading.reads), reading.missed, frozenset(reading.unseen)
    before, way = dict(frame.names), frame.branch(runs=True)
    end = frame.follow(node.body, way)
    if end is End.FALLS:
        end = frame.follow(node.orelse, way)
    if not way.runs:
        frame.runs = False
    demanded = [entry for entry in reading.reads[mark:] if entry.required]
    absent, hidden = reading.missed > missed, reading.unseen - unseen
    frame.rename(way.names)
    ends = [end]
    for handler in node.handlers:
        ends.append(_handle(handler, frame, before, demanded, absent=absent))
        if absent and ends[-1] is End.FALLS and _caught(handler.type) & (IMPORTS | BROAD):
            reading.unseen -= hidden  # what is not there sets nothing
    frame.follow(node.finalbody, frame)
    return _end(ends)


def _handle(
    handler: ast.ExceptHandler,
    frame: Frame,
    before: dict[str, Value],
    demanded: list[Read],
    *,
    absent: bool,
) -> End:
    caught = _caught(handler.type)
    fails = absent and bool(caught & (IMPORTS | BROAD))
    unset = bool(demanded) and bool(caught & (READS | BROAD))
    way = frame.branch(runs=fails or unset)
    if not fails:
        way.rename(before)
    end = frame.follow(handler.body, way)
    if end is End.RAISES:
        return end
    tested = tuple(entry.name for entry in demanded) if unset else ()
    if unset:
        frame.tested += tested
        for entry in demanded:
            entry.required = False
    if end is End.FALLS:
        frame.rename(way.names if fails else _rescued(frame.names, way.names, before, tested))
    return end


def _rescued(
    body: dict[str, Value],
    handler: dict[str, Value],
    before: dict[str, Value],
    tested: tuple[str, ...],
) -> dict[str, Value]:
    """Return the names after a handler that may have run: it counts for the names that it sets."""
    changed = {name: value for name, value in handler.items() if before.get(name) is not value}
    kept = {
        name: merge(value, handler.get(name), tested)
        for name, value in body.items()
        if set(value.reads) & set(tested)
    }
    return {**merged(body, changed, tested), **kept}


def _caught(node: ast.expr | None) -> frozenset[str]:
    match node:
        case None:
            return BROAD
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return frozenset({name})
        case ast.Tuple(elts=parts):
            return frozenset().union(*map(_caught, parts))
        case _:
            return frozenset()


def _end(ends: list[End]) -> End:
    if End.FALLS in ends:
        return End.FALLS
    return End.LEAVES if End.LEAVES in ends else End.RAISES
