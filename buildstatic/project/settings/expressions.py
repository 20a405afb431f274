"""What an expression is worth."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from buildstatic.project.settings import calls, operators, variables
from buildstatic.project.settings.arguments import Arguments
from buildstatic.project.settings.functions import inline
from buildstatic.project.settings.state import Frame
from buildstatic.project.settings.values import (
    UNKNOWN,
    Environment,
    Function,
    Module,
    Ref,
    Value,
    bounded,
    merge,
    truth,
    union,
)

# What holds in the image, whatever machine reads the settings.
KNOWN = {
    "os.name": "posix",
    "os.sep": "/",
    "os.path.sep": "/",
    "os.pardir": "..",
    "os.path.pardir": "..",
    "sys.platform": "linux",
    "typing.TYPE_CHECKING": False,
}


def evaluate(node: ast.expr, frame: Frame) -> Value:
    """Return what *node* is worth in *frame*, with the place where it is written.

    Every part of it is looked at, so that no variable that is read stays unseen.
    """
    frame.reading.steps -= 1
    if frame.reading.steps < 0:
        return Value(UNKNOWN, frame.source(node))
    try:
        value = _evaluate(node, frame)
    except RecursionError:
        value = Value(UNKNOWN)
    return replace(value, data=bounded(value.data), source=frame.source(node))


def _evaluate(node: ast.expr, frame: Frame) -> Value:
    match node:
        case ast.Constant(value=value):
            return Value(value)
        case ast.Name(id=name):
            return frame.lookup(name) or outside(name)
        case ast.Attribute(value=base, attr=name):
            return attribute(evaluate(base, frame), name)
        case ast.Subscript():
            return _subscript(node, frame)
        case ast.Call():
            return _call(node, frame)
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return Value(_items(items, frame))
        case ast.Dict():
            return _dictionary(node, frame)
        case ast.JoinedStr(values=parts):
            return operators.text([evaluate(part, frame) for part in parts])
        case ast.FormattedValue(value=inner, format_spec=None, conversion=-1):
            return evaluate(inner, frame)
        case ast.BinOp(left=left, op=operator, right=right):
            return operators.combine(evaluate(left, frame), operator, evaluate(right, frame))
        case ast.BoolOp(op=operator, values=parts):
            return _either(operator, parts, frame)
        case ast.UnaryOp(op=operator, operand=operand):
            return operators.unary(operator, evaluate(operand, frame))
        case ast.Compare():
            return _comparison(node, frame)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _choice(evaluate(test, frame), body, orelse, frame)
        case ast.NamedExpr(target=ast.Name(id=name), value=inner):
            frame.names[name] = evaluate(inner, frame)
            return frame.names[name]
        case ast.Lambda():
            return Value(UNKNOWN)
        case _:
            return _unknown(node, frame)


def _unknown(node: ast.AST, frame: Frame) -> Value:
    """Look at the parts of *node*, a comprehension for instance, of which nothing more is known."""
    values = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.comprehension):
            values.append(evaluate(child.iter, frame))
        elif isinstance(child, ast.expr):
            values.append(evaluate(child, frame))
    return Value(UNKNOWN, reads=union(*values))


def _items(nodes: Sequence[ast.expr], frame: Frame) -> tuple[Value, ...]:
    items: list[Value] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            value = evaluate(node.value, frame)
            items += (
                value.data if isinstance(value.data, tuple) else (replace(value, data=UNKNOWN),)
            )
        else:
            items.append(evaluate(node, frame))
    return tuple(items)


def _dictionary(node: ast.Dict, frame: Frame) -> Value:
    entries: dict[object, Value] = {}
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = evaluate(value_node, frame)
        if key_node is None:
            entries |= value.data if isinstance(value.data, dict) else {}
            continue
        key = evaluate(key_node, frame).data
        if isinstance(key, str | int | None):
            entries[key] = value
    return Value(entries)


def outside(name: str) -> Value:
    """Return what *name*, which is not the project's, is worth."""
    return Value(KNOWN[name]) if name in KNOWN else Value(Ref(name))


def attribute(base: Value, name: str) -> Value:
    """Return what ``base.name`` is worth."""
    match base.data:
        case Ref(name=owner):
            return outside(f"{owner}.{name}")
        case Module(names=names):
            return names.get(name, Value(UNKNOWN))
        case Environment(library=library):  # env.NOTSET
            return Value(Ref(f"{library}.{name}"))
        case PurePosixPath() as path if name in ("parent", "parents", "name", "stem"):
            data = getattr(path, name)
            found = tuple(map(Value, data)) if name == "parents" else data
            return Value(found, reads=base.reads)
        case _:
            return Value(UNKNOWN, reads=base.reads)


def _subscript(node: ast.Subscript, frame: Frame) -> Value:
    base = evaluate(node.value, frame)
    if isinstance(node.slice, ast.Slice):
        return _slice(base, node.slice, frame)
    key = evaluate(node.slice, frame)
    match base.data:
        case Ref(name="os.environ") if isinstance(key.data, str):
            return variables.record(key.data, frame, node, required=True)
        case Environment() if isinstance(key.data, str):
            return variables.record(key.data, frame, node, required=True)
        case Ref(name="sys.argv"):
            return Value(operators.COMMAND)
        case dict() as entries if isinstance(key.data, str | int):
            entry: Value = entries.get(key.data, Value(UNKNOWN, reads=base.reads))
            return entry
        case tuple() as items if isinstance(key.data, int) and -len(items) <= key.data < len(items):
            item: Value = items[key.data]
            return replace(item, reads=union(base, item))
        case _:
            return Value(UNKNOWN, reads=union(base, key))


def _slice(base: Value, node: ast.Slice, frame: Frame) -> Value:
    bounds = [evaluate(part, frame).data if part else None for part in (node.lower, node.upper)]
    lower, upper = (bound if isinstance(bound, int) else None for bound in bounds)
    if base.data == Ref("sys.argv"):
        return Value(operators.COMMAND)
    if node.step or not all(isinstance(bound, int | None) for bound in bounds):
        return Value(UNKNOWN, reads=base.reads)
    if isinstance(base.data, str | tuple):
        return replace(base, data=base.data[lower:upper])
    return Value(UNKNOWN, reads=base.reads)


def _either(operator: ast.boolop, nodes: Sequence[ast.expr], frame: Frame) -> Value:
    """Return ``a or b``, ``a and b``: what follows is reached as the part before says."""
    result = evaluate(nodes[0], frame)
    stops = isinstance(operator, ast.Or)
    for node in nodes[1:]:
        holds = truth(result)
        reached = holds is not None and holds != stops
        inner = replace(frame, runs=frame.runs and reached)
        result = _combined(result, evaluate(node, inner), stops=stops, reached=reached)
    return result


def _combined(left: Value, right: Value, *, stops: bool, reached: bool) -> Value:
    reads = union(left, right)
    if reached:  # by default, for `or`: os.environ.get("X") or "default"
        return replace(right, reads=reads)
    if truth(left) is stops and (stops or not left.reads):
        return replace(left, reads=reads)
    if right.data is stops and not right.reads:  # whatever the left side is
        return replace(right, reads=reads)
    return Value(UNKNOWN, reads=reads)


def _comparison(node: ast.Compare, frame: Frame) -> Value:
    left = evaluate(node.left, frame)
    rights = [evaluate(comparator, frame) for comparator in node.comparators]
    if len(rights) > 1:
        return Value(UNKNOWN, reads=union(left, *rights))
    operator, right = node.ops[0], rights[0]
    if isinstance(left.data, str) and right.data == Ref("os.environ"):
        variables.record(left.data, frame, node, required=False)
        present = left.data in frame.reading.given
        return Value(present == isinstance(operator, ast.In), reads=(left.data,))
    if right.data not in (None, ""):  # os.environ.get("DEBUG") == "1": none is an answer too
        variables.settle(left, frame)
    return operators.compare(left, operator, right)


def _call(node: ast.Call, frame: Frame) -> Value:
    arguments = Arguments(_items(node.args, frame), _named(node.keywords, frame), node, frame)
    if isinstance(node.func, ast.Attribute):
        base = evaluate(node.func.value, frame)
        if not isinstance(base.data, Ref | Module):
            return calls.method(base, node.func.attr, arguments)
        return _function(attribute(base, node.func.attr), arguments)
    return _function(evaluate(node.func, frame), arguments)


def _named(keywords: Sequence[ast.keyword], frame: Frame) -> dict[str, Value]:
    named: dict[str, Value] = {}
    for keyword in keywords:
        value = evaluate(keyword.value, frame)
        if keyword.arg:
            named[keyword.arg] = value
        elif isinstance(value.data, dict):
            named |= {key: item for key, item in value.data.items() if isinstance(key, str)}
    return named


def _function(function: Value, arguments: Arguments) -> Value:
    if isinstance(function.data, Function):
        return inline(function.data, arguments)
    return calls.function(function, arguments)


def _choice(test: Value, body: ast.expr, orelse: ast.expr, frame: Frame) -> Value:
    holds = truth(test)
    one = evaluate(body, frame.branch(holds is True))
    other = evaluate(orelse, frame.branch(holds is False))
    if holds is not None and not test.reads:
        return one if holds else other
    merged = merge(one, other, test.reads)
    return replace(merged, reads=union(merged, test))
