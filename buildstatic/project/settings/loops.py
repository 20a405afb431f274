"""``for`` over what is known, and ``with``."""

from __future__ import annotations

import ast
from dataclasses import replace

from buildstatic.project.settings.assignments import assign
from buildstatic.project.settings.branches import follow_maybe
from buildstatic.project.settings.expressions import evaluate
from buildstatic.project.settings.state import End, Frame
from buildstatic.project.settings.values import UNKNOWN, Environment, Ref, Value

ROUNDS = 50


def follow_for(node: ast.For, frame: Frame) -> End:
    """Follow a loop, round by round over a known list, once over anything else."""
    over = evaluate(node.iter, frame)
    if not isinstance(over.data, tuple) or len(over.data) > ROUNDS:
        assign(node.target, Value(UNKNOWN, frame.source(node)), frame)
        follow_maybe([node.body], over, frame)
        return End.FALLS
    for item in over.data:
        assign(node.target, item, frame)
        if frame.follow(node.body, frame) is End.RAISES:
            return End.RAISES
    return frame.follow(node.orelse, frame)


def follow_with(node: ast.With, frame: Frame) -> End:
    """Follow a ``with``: environs' ``env.prefixed`` and ``suppress`` mean something."""
    prefix, mark, suppressed = frame.prefix, len(frame.reading.reads), False
    for item in node.items:
        frame.prefix += _prefix(item.context_expr, frame)
        suppressed |= _suppresses(item.context_expr, frame)
        value = evaluate(item.context_expr, frame)
        if item.optional_vars is not None:
            environment = isinstance(value.data, Environment)
            assign(
                item.optional_vars, value if environment else replace(value, data=UNKNOWN), frame
            )
    end = frame.follow(node.body, frame)
    frame.prefix = prefix
    if suppressed:
        for entry in frame.reading.reads[mark:]:
            entry.required = False
    return End.FALLS if suppressed else end


def _prefix(node: ast.expr, frame: Frame) -> str:
    match node:
        case ast.Call(func=ast.Attribute(value=base, attr="prefixed"), args=[argument]):
            text = evaluate(argument, frame).data
            known = isinstance(evaluate(base, frame).data, Environment) and isinstance(text, str)
            return text if known and isinstance(text, str) else ""
        case _:
            return ""


def _suppresses(node: ast.expr, frame: Frame) -> bool:
    return isinstance(node, ast.Call) and (
        evaluate(node.func, frame).data == Ref("contextlib.suppress")
    )
