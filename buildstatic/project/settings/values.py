"""The values of expressions, and the operators, methods and functions that work on them alone."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import wraps
from pathlib import PurePosixPath
from typing import Final, ParamSpec, TypeVar

Key = TypeVar("Key")
P = ParamSpec("P")


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
TEXT_METHODS = frozenset(
    {
        *("strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "replace"),
        *("split", "rsplit", "splitlines", "join", "removeprefix", "removesuffix"),
        *("startswith", "endswith"),
    }
)
PATH_CLASSES = frozenset(
    {
        *("pathlib.Path", "pathlib.PosixPath", "pathlib.PurePath", "pathlib.PurePosixPath"),
        *("environ.Path", "environ.environ.Path", "unipath.Path"),
    }
)
DICTIONARIES = frozenset({"dict", "pydantic_settings.SettingsConfigDict", "pydantic.ConfigDict"})
CONVERSIONS = DICTIONARIES | {
    *("str", "bool", "int", "float", "list", "tuple", "set", "frozenset"),
    *("all", "any", "len", "sorted", "filter"),
}
# What an operation with unsuitable operands raises.
OPERATION_ERRORS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
# A method of a text may not make one longer than the product of the lengths given.
MAX_PRODUCT = 10_000_000


def _unknown_if_it_raises(function: Callable[P, object]) -> Callable[P, object]:
    """Return *function*, which returns UNKNOWN where Python raises for the operands."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> object:
        try:
            return function(*args, **kwargs)
        except OPERATION_ERRORS:
            return UNKNOWN

    return guarded


def plain(value: Value) -> object:
    """Return the data of *value* as plain Python objects; unknown parts stay UNKNOWN."""
    match value.data:
        case tuple() as items:
            return tuple(plain(item) for item in items)
        case dict() as entries:
            return {key: plain(entry) for key, entry in entries.items()}
        case data:
            return data


def _simple(value: Value) -> object:
    """Return plain data that has only simple parts, else UNKNOWN."""
    data = plain(value)
    parts = data if isinstance(data, tuple) else data.values() if isinstance(data, dict) else [data]
    return data if all(isinstance(part, SIMPLE) for part in parts) else UNKNOWN


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
            others = others if len(others) * len(more) < MAX_PRODUCT // 100 else []
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


@_unknown_if_it_raises
def operate(left: object, operator: ast.operator, right: object) -> object:
    """Return the data of ``left operator right``."""
    match operator, left, right:
        case ast.Div(), PurePosixPath(), str() | PurePosixPath():
            return left / right
        case ast.Div(), str(), PurePosixPath():
            return left / right
        case ast.Add(), PurePosixPath(), str():  # django-environ's Path
            return normalize(left / right)
        case ast.Sub(), PurePosixPath(), int() if right >= 0:
            return [left, *left.parents][min(right, len(left.parents))]
        case ast.Add(), str(), str():
            return left + right
        case ast.Add(), tuple(), tuple():
            return left + right
        case ast.Add() | ast.BitOr(), tuple(), _:
            return (*left, *(right if isinstance(right, tuple) else (Value(right),)))
        case ast.Add(), _, tuple():
            return (Value(left), *right)
        case ast.BitOr(), dict(), dict():
            return {**left, **right}
        case ast.Mod(), str(), _:
            given = _simple(Value(right))
            # Only a template of plain insertions.
            if given is UNKNOWN or not re.fullmatch(r"(?:[^%]|%%|%(?:\(\w+\))?[sd])*", left):
                return UNKNOWN
            return left % given
        case _:
            return UNKNOWN


@_unknown_if_it_raises
def operate_unary(operator: ast.unaryop, operand: Value) -> object:
    """Return the data of ``not operand`` or ``-operand``."""
    match operator, operand.data:
        case ast.Not(), _:
            holds = truth(operand)
            return UNKNOWN if holds is None else not holds
        case ast.USub(), int() | float():
            return -operand.data
        case _:
            return UNKNOWN


def compare(left: Value, operator: ast.cmpop, right: Value) -> object:
    """Return the data of ``left == right``, ``left not in right`` and other comparisons."""
    equal: bool | None = None
    commands = (Ref("sys.argv"), COMMAND, Ref("sys.modules"))
    other = left if right.data in commands else right if left.data in commands else None
    if other is not None:
        # ``"test" in sys.argv`` is False: collectstatic is the only command that is run.
        words = [i.data for i in other.data] if isinstance(other.data, tuple) else [other.data]
        equal = None if "collectstatic" in words or UNKNOWN in words else False
    if equal is None:
        equal = _is_equal(left, operator, right)
    opposite = isinstance(operator, ast.NotEq | ast.NotIn | ast.IsNot)
    return UNKNOWN if equal is None else equal != opposite


def _is_equal(left: Value, operator: ast.cmpop, right: Value) -> bool | None:
    """Return whether *left* equals, is, or is in *right*; None if that is unknown."""
    match operator, left.data, right.data:
        case ((ast.Eq() | ast.NotEq() | ast.Is() | ast.IsNot()), one, other):
            known = isinstance(one, SIMPLE) and isinstance(other, SIMPLE)
            return one == other if known else None
        case ((ast.In() | ast.NotIn()), str() as part, str() as whole):
            return part in whole
        case ((ast.In() | ast.NotIn()), one, (tuple() | dict()) as many) if isinstance(one, SIMPLE):
            held = [item.data for item in many] if isinstance(many, tuple) else list(many)
            return True if one in held else (None if UNKNOWN in held else False)
        case _:
            return None


def join_text(parts: Sequence[Value]) -> Value:
    """Return the value of an f-string of *parts*."""
    return Value(_joined(parts), reads=union(*parts))


@_unknown_if_it_raises
def _joined(parts: Sequence[Value]) -> object:
    known = all(isinstance(part.data, str | int | PurePosixPath) for part in parts)
    return "".join(str(part.data) for part in parts) if known else UNKNOWN


def normalize(path: PurePosixPath) -> PurePosixPath:
    """Return *path* without ``.`` and ``..``."""
    return PurePosixPath(posixpath.normpath(path))


@_unknown_if_it_raises
def call_method(
    base: object,
    name: str,
    positional: Sequence[Value],
    named: Mapping[str, Value],
    cwd: PurePosixPath,
) -> object:
    """Return the data of ``base.name(…)`` for a text, a path, a list or a dict.

    *cwd* is the working directory. The result is UNKNOWN for anything not supported.
    """
    match base:
        case str():
            return _text_method(base, name, positional, named)
        case PurePosixPath():
            return _path_method(base, name, [value.data for value in positional], cwd)
        case dict() | tuple() if name == "copy":
            return base
        case dict() if name == "keys":
            return tuple(map(Value, base))
        case dict() if name == "values":
            return tuple(base.values())
        case dict() if name == "items":
            return tuple(Value((Value(key), value)) for key, value in base.items())
        case _:
            return UNKNOWN


def _text_method(
    text: str, name: str, positional: Sequence[Value], named: Mapping[str, Value]
) -> object:
    given = [_simple(value) for value in positional]
    keywords = {key: _simple(value) for key, value in named.items()}
    if UNKNOWN in given or UNKNOWN in keywords.values():
        return UNKNOWN
    if len(text) * sum(len(str(item)) for item in given) > MAX_PRODUCT:
        return UNKNOWN
    if name == "format" and re.fullmatch(r"(?:[^{}]|\{\w*\})*", text):
        return text.format(*given, **keywords)
    if name not in TEXT_METHODS:
        return UNKNOWN
    result = getattr(text, name)(*given, **keywords)
    return tuple(map(Value, result)) if isinstance(result, list) else result


def _path_method(path: PurePosixPath, name: str, given: list[object], cwd: PurePosixPath) -> object:
    parts = [part for part in given if isinstance(part, str | PurePosixPath)]
    match name:
        case "joinpath" | "path" | "child" | "__call__" if len(parts) == len(given):
            return path.joinpath(*parts)
        case "resolve" | "absolute":
            return normalize(cwd / path)
        case "as_posix" | "__str__":
            return str(path)
        case "with_name" | "with_suffix" if isinstance(given[0], str):
            return getattr(path, name)(given[0])
        case _:
            return UNKNOWN


@_unknown_if_it_raises
def call_function(
    name: str, positional: Sequence[Value], named: Mapping[str, Value], cwd: PurePosixPath
) -> object:
    """Return the data of a call to a builtin type, ``os.path`` or ``pathlib``.

    *cwd* is the working directory. The result is UNKNOWN for any other function.
    """
    if name in CONVERSIONS:
        return _convert(name, positional, named)
    return _path_function(name, [value.data for value in positional], cwd)


def _convert(name: str, positional: Sequence[Value], named: Mapping[str, Value]) -> object:
    if name in DICTIONARIES:
        inner = positional[0].data if positional else {}
        return {**inner, **named} if isinstance(inner, dict) else dict(named)
    value = positional[-1] if positional else Value("")
    match name, value.data:
        case "str", str() | int() | float() | PurePosixPath() as data:
            return str(data)
        case "bool", _:
            holds = truth(value)
            return UNKNOWN if holds is None else holds
        case "int", int() | float() | str() as data:
            return int(data)
        case "float", int() | float() | str() as data:
            return float(data)
        case "list" | "tuple" | "set" | "frozenset" | "sorted", tuple() | "" as data:
            return data or ()
        case "list" | "tuple" | "set" | "frozenset" | "sorted", dict() as data:
            return tuple(map(Value, data))
        case "len", tuple() | dict() | str() as data:
            return len(data)
        case "all" | "any", tuple() as data:
            decisive = name == "any"
            truths = [truth(item) for item in data]
            return decisive if decisive in truths else UNKNOWN if None in truths else not decisive
        case "filter", tuple() as data if positional[0].data is None:
            return tuple(item for item in data if truth(item) is not False)
        case _:
            return UNKNOWN


def _path_function(name: str, given: list[object], cwd: PurePosixPath) -> object:
    if not all(isinstance(part, str | PurePosixPath) for part in given):
        return UNKNOWN
    parts = [str(part) for part in given]
    if name in PATH_CLASSES:
        path = PurePosixPath(*parts)
        return normalize(cwd / path) if name.startswith("environ") else path
    match name:
        case "os.path.join":
            return posixpath.join(*parts)
        case "os.path.dirname" | "os.path.basename" | "os.path.normpath":
            return getattr(posixpath, name.removeprefix("os.path."))(parts[0])
        case "os.path.abspath" | "os.path.realpath":
            return str(normalize(cwd / parts[0]))
        case "os.fspath":
            return parts[0]
        case _:
            return UNKNOWN
