"""What an expression is worth: a constant, a path, a list, a dictionary; or unknown."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from buildstatic.project.settings.state import Frame


class _Unknown(Enum):
    UNKNOWN = "unknown"


UNKNOWN: Final = _Unknown.UNKNOWN
LARGEST = 10_000


@dataclass(frozen=True)
class Value:
    """What an expression is worth, where it is written, and the variables that it was read from.

    *data* is a constant, a `PurePosixPath`, a tuple of values (for lists and sets too), a dict of
    values, one of the classes below, or UNKNOWN. Where it is one or another, depending on the way
    taken, *options* holds what it may be.
    """

    data: object
    source: str = ""
    reads: tuple[str, ...] = ()
    options: tuple[object, ...] = ()


@dataclass(frozen=True)
class Ref:
    """A name that is not the project's: ``os.environ``, ``pathlib.Path``, ``str``."""

    name: str


@dataclass(frozen=True, eq=False)
class Module:
    """A module of the project's, by its names."""

    names: Mapping[str, Value]


@dataclass(frozen=True, eq=False)
class Function:
    """A function of the project's, and where its own names are looked up."""

    node: ast.FunctionDef
    frame: Frame


@dataclass(frozen=True, eq=False)
class Environment:
    """A reader of environment variables: django-environ's, environs' or python-decouple's.

    *defaults* are those that ``environ.Env(DEBUG=(bool, False))`` declares.
    """

    library: str
    defaults: Mapping[str, Value] = field(default_factory=dict)


def bounded(data: object) -> object:
    """Return *data*, or UNKNOWN where it has grown beyond what settings hold (``X += X``)."""
    is_large = isinstance(data, str | tuple | dict) and len(data) > LARGEST
    return UNKNOWN if is_large else data


def plain(value: Value) -> object:
    """Return *value* as Python would have it: without the places; UNKNOWN stays where it is."""
    match value.data:
        case tuple() as items:
            return tuple(plain(item) for item in items)
        case dict() as entries:
            return {key: plain(entry) for key, entry in entries.items()}
        case data:
            return data


def truth(value: Value) -> bool | None:
    """Say whether *value* counts as true in an empty environment; None where that is unknown."""
    match value.data:
        case None | bool() | int() | float() | str() | dict():
            return bool(value.data)
        case tuple() as items:
            return bool(items) if all(item.data is not UNKNOWN for item in items) else None
        case PurePosixPath():
            return True
        case _:
            return None


def union(*values: Value | None) -> tuple[str, ...]:
    """Return the variables that any of *values* was read from, each once."""
    return tuple(dict.fromkeys(name for value in values if value for name in value.reads))


def merge(one: Value | None, other: Value | None, tested: tuple[str, ...] = ()) -> Value:
    """Return what a name may be worth after either of two branches.

    A branch that says nothing gives way; lists and dictionaries are joined, for the question asked
    of them is what they may hold. What was read from the variables that the branches hang on
    (*tested*) gives way to the value for when they are not there. All else is unknown, unless
    equal.
    """
    if one is None or other is None:
        found = one or other
        return found if found is not None else Value(UNKNOWN)
    reads, source = union(one, other), _later(one.source, other.source)
    if plain(one) == plain(other):
        return replace(other, reads=reads, source=source)
    for this, that in ((one, other), (other, one)):
        if this.reads and set(this.reads) <= set(tested):
            return replace(that, reads=reads)
    options = tuple(dict.fromkeys((*_options(one), *_options(other))))
    return Value(_join(one.data, other.data, tested), source, reads, options)


def _later(one: str, other: str) -> str:
    """Return the place further down, if both are in one file; else *other*."""
    (file, _, line), (file2, _, line2) = one.rpartition(":"), other.rpartition(":")
    is_below = file == file2 and line.isdigit() and line2.isdigit() and int(line) > int(line2)
    return one if is_below else other


def _options(value: Value) -> tuple[object, ...]:
    if value.options:
        return value.options
    return (value.data,) if isinstance(value.data, str | PurePosixPath | None) else (UNKNOWN,)


def _join(one: object, other: object, tested: tuple[str, ...]) -> object:
    match one, other:
        case tuple(), tuple():
            known = [plain(item) for item in one]
            return one + tuple(item for item in other if plain(item) not in known)
        case dict(), dict():
            keys = dict.fromkeys((*one, *other))
            return {key: merge(one.get(key), other.get(key), tested) for key in keys}
        case _:
            return UNKNOWN


def put(container: Value, keys: tuple[object, ...], value: Value) -> Value:
    """Return *container* with *value* at the path *keys*; what is no container becomes one."""
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if isinstance(container.data, tuple):
        items = list(container.data)
        if isinstance(key, int) and -len(items) <= key < len(items):
            items[key] = put(items[key], rest, value)
        return replace(container, data=tuple(items))
    entries = container.data if isinstance(container.data, dict) else {}
    inner = put(entries.get(key, Value(UNKNOWN, value.source)), rest, value)
    return replace(container, data={**entries, key: inner}, source=container.source or value.source)
