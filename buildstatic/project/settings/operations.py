"""Operators, and the calls to text, path and builtin functions that settings use.

Everything here works on values alone: no names, no environment.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from buildstatic.project.settings.values import UNKNOWN, Ref, Value, plain, truth, union

# A word of the command line that loads the settings.
COMMAND = Ref("sys.argv[]")
SIMPLE = (str, int, float, type(None), PurePosixPath)
# What a call with unsuitable arguments raises.
CALL_ERRORS = (TypeError, ValueError, IndexError, KeyError, AttributeError)
TEXT_METHODS = frozenset(
    {
        "strip",
        "lstrip",
        "rstrip",
        "lower",
        "upper",
        "title",
        "capitalize",
        "replace",
        "split",
        "rsplit",
        "splitlines",
        "join",
        "removeprefix",
        "removesuffix",
        "startswith",
        "endswith",
    }
)
PATH_CLASSES = frozenset(
    {
        "pathlib.Path",
        "pathlib.PosixPath",
        "pathlib.PurePath",
        "pathlib.PurePosixPath",
        "environ.Path",
        "environ.environ.Path",
        "unipath.Path",
    }
)
CONVERSIONS = frozenset(
    {"str", "bool", "int", "float", "list", "tuple", "set", "frozenset", "dict"}
)


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
            return [left, *left.parents, PurePosixPath("/")][min(right, len(left.parents))]
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


def join_text(parts: Sequence[Value]) -> Value:
    """Return the value of an f-string of *parts*."""
    known = all(isinstance(part.data, str | int | PurePosixPath) for part in parts)
    data = "".join(str(part.data) for part in parts) if known else UNKNOWN
    return Value(data, reads=union(*parts))


def unary(operator: ast.unaryop, operand: Value) -> Value:
    """Return the value of ``not operand`` or ``-operand``."""
    match operator, operand.data:
        case ast.Not(), _:
            holds = truth(operand)
            return Value(UNKNOWN if holds is None else not holds, reads=operand.reads)
        case ast.USub(), int() | float():
            return Value(-operand.data, reads=operand.reads)
        case _:
            return Value(UNKNOWN, reads=operand.reads)


def compare(left: Value, operator: ast.cmpop, right: Value) -> Value:
    """Return the value of ``left == right``, ``left not in right`` and other comparisons."""
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
    return Value(UNKNOWN if equal is None else equal != opposite, reads=union(left, right))


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


def normalize(path: PurePosixPath) -> PurePosixPath:
    """Return *path* without ``.`` and ``..``."""
    return PurePosixPath(posixpath.normpath(path))


def text_method(
    text: str, name: str, positional: tuple[Value, ...], named: dict[str, Value]
) -> object:
    """Return the data of ``text.name(…)``; UNKNOWN for methods that are not supported."""
    given = [_simple(value) for value in positional]
    keywords = {key: _simple(value) for key, value in named.items()}
    if UNKNOWN in given or UNKNOWN in keywords.values():
        return UNKNOWN
    if name == "format" and re.fullmatch(r"(?:[^{}]|\{\w*\})*", text):
        return text.format(*given, **keywords)
    if name not in TEXT_METHODS:
        return UNKNOWN
    result = getattr(text, name)(*given, **keywords)
    return tuple(map(Value, result)) if isinstance(result, list) else result


def _simple(value: Value) -> object:
    """Return plain data that has only simple parts, else UNKNOWN."""
    data = plain(value)
    parts = data if isinstance(data, tuple) else data.values() if isinstance(data, dict) else [data]
    return data if all(isinstance(part, SIMPLE) for part in parts) else UNKNOWN


def path_method(path: PurePosixPath, name: str, given: list[object], cwd: PurePosixPath) -> object:
    """Return the data of ``path.name(*given)`` in the working directory *cwd*."""
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


def path_function(name: str, given: list[object], cwd: PurePosixPath) -> object:
    """Return the data of a call to ``os.path`` or ``pathlib``; UNKNOWN for any other *name*."""
    if not all(isinstance(part, str | PurePosixPath) for part in given):
        return UNKNOWN
    parts = [str(part) for part in given]
    if name in PATH_CLASSES:
        path = PurePosixPath(*parts)
        return normalize(cwd / path) if name.startswith("environ") else path
    if not parts:
        return UNKNOWN
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


def convert(name: str, positional: tuple[Value, ...], named: dict[str, Value]) -> object:
    """Return the data of a call to a builtin type: ``int("8000")``, ``dict(a, b=1)``."""
    if name not in CONVERSIONS:
        return UNKNOWN
    if name == "dict":
        inner = positional[0].data if positional else {}
        return {**inner, **named} if isinstance(inner, dict) else dict(named)
    value = positional[0] if positional else Value("")
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
        case "list" | "tuple" | "set" | "frozenset", tuple() | "" as data:
            return data or ()
        case _:
            return UNKNOWN
