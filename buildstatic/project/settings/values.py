"""The values of expressions, and how those of two branches are merged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import PurePosixPath
from typing import Final, TypeVar

Key = TypeVar("Key")


class _Unknown(Enum):
    UNKNOWN = "unknown"


UNKNOWN: Final = _Unknown.UNKNOWN
# The project's root in evaluated paths: one level below the top, as in the image.
ROOT = PurePosixPath("/<root>")
# What no value of a setting exceeds: in characters or values, and in levels of nesting.
MAX_LENGTH = 10_000
MAX_DEPTH = 50


@dataclass(frozen=True)
class Value:
    """The value of an expression, its source (``file:line``) and the variables it was read from.

    *data* is a constant, a `PurePosixPath`, a tuple of values (also for lists and sets), a dict of
    values, one of the classes below, or UNKNOWN. If the value depends on the branch taken,
    *options* has the possible data, and *switches* the variables that select the branch. *size* is
    the number of values in it, with a long text counted as several, and *depth* that of its nested
    lists and dicts. Data that is larger than any real setting (``X += [X]``), or a text that no
    file and no variable can contain, is UNKNOWN.
    """

    data: object
    source: str = ""
    reads: tuple[str, ...] = ()
    options: tuple[object, ...] = ()
    switches: tuple[str, ...] = ()
    size: int = field(init=False, compare=False, repr=False)
    depth: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        size, depth = 1, 0
        match self.data:
            case str() | PurePosixPath() as text:
                characters = str(text)
                is_text = characters.isascii() or not re.search("[\ud800-\udfff]", characters)
                is_short = len(characters) <= MAX_LENGTH and "\0" not in characters
                size = 1 + len(characters) // 100 if is_text and is_short else MAX_LENGTH + 1
            case tuple() | dict() as parts:
                items = parts.values() if isinstance(parts, dict) else parts
                size += sum(item.size for item in items)
                depth = 1 + max((item.depth for item in items), default=0)
        if size > MAX_LENGTH or depth > MAX_DEPTH:
            object.__setattr__(self, "data", UNKNOWN)
            size, depth = 1, 0
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "depth", depth)

    def at(self, source: str) -> Value:
        """Return the value with another *source*."""
        return Value(self.data, source, self.reads, self.options, self.switches)


@dataclass(frozen=True)
class Ref:
    """A name from outside of the project: ``os.environ``, ``pathlib.Path``, ``str``."""

    name: str


@dataclass(frozen=True, eq=False, repr=False)
class Module:
    """A module (or class) of the project, by its names."""

    names: Mapping[str, Value]


@dataclass(frozen=True, eq=False, repr=False)
class Instance(Module):
    """An object of a class of the project, by its attributes and methods."""


@dataclass(frozen=True, eq=False, repr=False)
class EnvReader:
    """A reader of environment variables from django-environ, environs or python-decouple.

    *defaults* are those declared with ``environ.Env(DEBUG=(bool, False))``.
    """

    library: str
    defaults: Mapping[str, Value] = field(default_factory=dict)


# A word of the command line that loads the settings.
COMMAND = Ref("sys.argv[]")
SIMPLE = (str, int, float, type(None), PurePosixPath)
# Comparisons of the values of two lists that are merged.
MAX_COMPARISONS = 100_000


def plain(value: Value) -> object:
    """Return the data of *value* as plain Python objects; unknown parts stay UNKNOWN."""
    match value.data:
        case tuple() as items:
            return tuple(plain(item) for item in items)
        case dict() as entries:
            return {key: plain(entry) for key, entry in entries.items()}
        case data:
            return data


def truth(value: Value) -> bool | None:
    """Return the truth of *value* in an empty environment, or None if it is unknown."""
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
    """Return the variables that any of *values* was read from, without duplicates."""
    return tuple(dict.fromkeys(name for value in values if value for name in value.reads))


def merge(one: Value | None, other: Value | None, tested: tuple[str, ...] = ()) -> Value:
    """Return the possible value of a name after one of two branches.

    If only one branch sets it, that value counts, and None is another option. Lists and dicts are
    joined, because they are searched for what they may contain. A value read from the variables
    that the branches depend on (*tested*) is dropped in favor of the one used if they are not set.
    Anything else is unknown, unless both are equal.
    """
    if one is None or other is None:
        value = one or other or Value(UNKNOWN)
        options = tuple(dict.fromkeys((*_options(value), None))) if tested else value.options
        return replace(value, options=options, switches=(*value.switches, *tested))
    reads, source = union(one, other), _later(one.source, other.source)
    if plain(one) == plain(other):
        return replace(other, reads=reads, source=source)
    for this, that in ((one, other), (other, one)):
        if this.reads and set(this.reads) <= set(tested):
            return replace(that, reads=reads)
    data: object = UNKNOWN
    match one.data, other.data:
        case tuple() as items, tuple() as more:
            simple = {item.data for item in items if isinstance(item.data, SIMPLE)}
            others = [plain(item) for item in items if not isinstance(item.data, SIMPLE)]
            others = others if len(others) * len(more) < MAX_COMPARISONS else []
            data = items + tuple(
                item
                for item in more
                if (
                    item.data not in simple
                    if isinstance(item.data, SIMPLE)
                    else plain(item) not in others
                )
            )
        case dict() as entries, dict() as more:
            data = merge_names(entries, more, tested)
    options = tuple(dict.fromkeys((*_options(one), *_options(other))))
    switches = tuple(dict.fromkeys((*one.switches, *other.switches, *tested)))
    return Value(data, source, reads, options, switches)


def merge_names(
    one: Mapping[Key, Value], other: Mapping[Key, Value], tested: tuple[str, ...] = ()
) -> dict[Key, Value]:
    """Return the names after one of two branches, or the entries of a dict, see `merge`."""
    return {
        name: one[name]
        if one.get(name) is other.get(name)
        else merge(one.get(name), other.get(name), tested)
        for name in dict.fromkeys((*one, *other))
    }


def _later(one: str, other: str) -> str:
    """Return the place further down if both are in the same file, else *other*."""
    (file, _, line), (file2, _, line2) = one.rpartition(":"), other.rpartition(":")
    is_below = file == file2 and line.isdigit() and line2.isdigit() and int(line) > int(line2)
    return one if is_below else other


def _options(value: Value) -> tuple[object, ...]:
    if value.options:
        return value.options
    return (value.data,) if isinstance(value.data, str | PurePosixPath | None) else (UNKNOWN,)


def put(container: Value, keys: tuple[object, ...], value: Value) -> Value:
    """Return *container* with *value* at the path *keys*; missing dicts on the way are created."""
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
