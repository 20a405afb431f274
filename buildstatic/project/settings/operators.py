"""What operators make of values: paths, text, lists and dictionaries."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import PurePosixPath

from buildstatic.project.settings import texts
from buildstatic.project.settings.paths import normal
from buildstatic.project.settings.values import UNKNOWN, Ref, Value, truth, union

# A word of the command line that runs the settings.
COMMAND = Ref("sys.argv[]")


def combine(left: Value, operator: ast.operator, right: Value) -> Value:
    """Return what ``left operator right`` is worth."""
    return Value(operate(left.data, operator, right.data), reads=union(left, right))


def operate(left: object, operator: ast.operator, right: object) -> object:
    """Return the same of bare data."""
    match operator, left, right:
        case ast.Div(), PurePosixPath(), str() | PurePosixPath():
            return left / right
        case ast.Div(), str(), PurePosixPath():
            return left / right
        case ast.Add(), PurePosixPath(), str():  # django-environ's Path
            return normal(left / right)
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
            return texts.percent(left, Value(right))
        case _:
            return UNKNOWN


def text(parts: Sequence[Value]) -> Value:
    """Return what an f-string of *parts* is worth."""
    known = all(isinstance(part.data, str | int | PurePosixPath) for part in parts)
    data = "".join(str(part.data) for part in parts) if known else UNKNOWN
    return Value(data, reads=union(*parts))


def unary(operator: ast.unaryop, operand: Value) -> Value:
    """Return what ``not operand`` or ``-operand`` is worth."""
    match operator, operand.data:
        case ast.Not(), _:
            holds = truth(operand)
            return Value(UNKNOWN if holds is None else not holds, reads=operand.reads)
        case ast.USub(), int() | float():
            return Value(-operand.data, reads=operand.reads)
        case _:
            return Value(UNKNOWN, reads=operand.reads)


def compare(left: Value, operator: ast.cmpop, right: Value) -> Value:
    """Return what ``left == right``, ``left not in right`` and their kin are worth."""
    equal = _is_commanded(left, right)
    if equal is None:
        equal = _is_equal(left, operator, right)
    opposite = isinstance(operator, ast.NotEq | ast.NotIn | ast.IsNot)
    return Value(UNKNOWN if equal is None else equal != opposite, reads=union(left, right))


def _is_commanded(left: Value, right: Value) -> bool | None:
    """Say no to ``"test" in sys.argv`` and the like: in the image no such command is run."""
    commands = (Ref("sys.argv"), COMMAND, Ref("sys.modules"))
    asked = {left.data in commands: right, right.data in commands: left}.get(True)
    if asked is None:
        return None
    words = [item.data for item in asked.data] if isinstance(asked.data, tuple) else [asked.data]
    return None if "collectstatic" in words or UNKNOWN in words else False


def _is_equal(left: Value, operator: ast.cmpop, right: Value) -> bool | None:
    """Say whether *left* equals, is, or is in *right*; None where that cannot be known."""
    simple = (str, int, float, type(None), PurePosixPath)
    match operator, left.data, right.data:
        case ((ast.Eq() | ast.NotEq() | ast.Is() | ast.IsNot()), one, other):
            known = isinstance(one, simple) and isinstance(other, simple)
            return one == other if known else None
        case ((ast.In() | ast.NotIn()), str() as part, str() as whole):
            return part in whole
        case ((ast.In() | ast.NotIn()), one, (tuple() | dict()) as many) if isinstance(one, simple):
            held = [item.data for item in many] if isinstance(many, tuple) else list(many)
            return True if one in held else (None if UNKNOWN in held else False)
        case _:
            return None
