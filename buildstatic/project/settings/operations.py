"""The operators, methods and functions that work on values alone."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import PurePosixPath
from typing import ParamSpec

from buildstatic.project.settings.values import (
    COMMAND,
    SIMPLE,
    UNKNOWN,
    Ref,
    Value,
    plain,
    truth,
    union,
)

P = ParamSpec("P")

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


def _simple(value: Value) -> object:
    """Return plain data that has only simple parts, else UNKNOWN."""
    data = plain(value)
    parts = data if isinstance(data, tuple) else data.values() if isinstance(data, dict) else [data]
    return data if all(isinstance(part, SIMPLE) for part in parts) else UNKNOWN


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
