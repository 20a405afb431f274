"""What a call to something that is not the project's own is worth."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import PurePosixPath

from buildstatic.project.settings import paths, texts, variables
from buildstatic.project.settings.arguments import Arguments
from buildstatic.project.settings.values import (
    UNKNOWN,
    Environment,
    Ref,
    Value,
    plain,
    truth,
    union,
)

# What is given a module's names, or makes them of a text.
NAMING = frozenset({"globals", "locals", "vars", "exec", "setattr"})
ODD = (TypeError, ValueError, IndexError, KeyError, AttributeError)


def function(called: Value, arguments: Arguments) -> Value:
    """Return what a call of *called* is worth; what is not known gives UNKNOWN.

    An unknown function's result does not count as read from the variables in its arguments:
    ``open(os.environ["SECRET_KEY_FILE"]).read()`` is no variable's value.
    """
    match called.data:
        case Ref(name=name):
            return _outside(name, arguments)
        case Environment() as environment:
            return variables.read(environment, "", arguments)
        case PurePosixPath():  # django-environ's Path is called to go on
            return method(called, "__call__", arguments)
        case _:
            return Value(UNKNOWN)


def _outside(name: str, arguments: Arguments) -> Value:
    if name == "split_settings.tools.optional" and arguments.positional:
        return arguments.positional[0]
    if name in NAMING or _is_told_who_calls(name, arguments):
        arguments.frame.overlook(arguments.node)
    found = variables.call(name, arguments)
    if found is not None:
        return found
    reads = union(*arguments.positional, *arguments.named.values())
    try:
        data = _converted(name, arguments)
        if data is UNKNOWN:
            given = [value.data for value in arguments.positional]
            data = paths.function(name, given, arguments.frame.reading.cwd)
    except ODD:
        data = UNKNOWN
    return Value(data, reads=reads if data is not UNKNOWN or name in CONVERSIONS else ())


def _is_told_who_calls(name: str, arguments: Arguments) -> bool:
    """Say whether a call is given ``__name__`` to set names there: ``DjangoDynaconf(__name__)``."""
    given = ast.walk(arguments.node) if "logger" not in name.lower() else ()
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in given)


CONVERSIONS = frozenset(
    {
        "str",
        "bool",
        "int",
        "float",
        "list",
        "tuple",
        "set",
        "frozenset",
        "dict",
    }
)


def _converted(name: str, arguments: Arguments) -> object:
    """Return what Python's own types make of one argument."""
    if name not in CONVERSIONS:
        return UNKNOWN
    if name == "dict":
        inner = arguments.positional[0].data if arguments.positional else {}
        return {**inner, **arguments.named} if isinstance(inner, dict) else dict(arguments.named)
    value = arguments.positional[0] if arguments.positional else Value("")
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


def method(base: Value, name: str, arguments: Arguments) -> Value:
    """Return what ``base.name(…)`` is worth."""
    if isinstance(base.data, Environment):
        return variables.read(base.data, name, arguments)
    reads = union(base, *arguments.positional, *arguments.named.values())
    try:
        return replace(_method(base, name, arguments), reads=reads)
    except ODD:
        return Value(UNKNOWN, reads=reads)


def _method(base: Value, name: str, arguments: Arguments) -> Value:
    match base.data:
        case str() as text:
            return Value(texts.method(text, name, arguments.positional, arguments.named))
        case PurePosixPath() as path:
            given = [value.data for value in arguments.positional]
            return Value(paths.method(path, name, given, arguments.frame.reading.cwd))
        case dict() as entries if name == "get":
            default = arguments.get(1, "default") or Value(None)
            found: Value = entries.get(plain(arguments.positional[0]), default)
            return found
        case (dict() | tuple()) as data if name == "copy":
            return Value(data)
        case _:
            return Value(UNKNOWN)
