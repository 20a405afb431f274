"""What assignments, and the methods that change a list or a dictionary, do to names."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from buildstatic.project.settings import variables
from buildstatic.project.settings.expressions import evaluate
from buildstatic.project.settings.operators import operate
from buildstatic.project.settings.state import Frame
from buildstatic.project.settings.values import UNKNOWN, Ref, Value, bounded, put, union


def assign(target: ast.expr, value: Value, frame: Frame) -> None:
    """Let *target* be worth *value*."""
    match target:
        case ast.Name(id=name):
            frame.names[name] = value
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            items = value.data if isinstance(value.data, tuple) else ()
            fits = len(items) == len(targets)
            for index, part in enumerate(targets):
                worth = items[index] if fits else Value(UNKNOWN, reads=value.reads)
                assign(part, replace(worth, source=value.source), frame)
        case ast.Starred(value=inner):
            assign(inner, replace(value, data=UNKNOWN), frame)
        case ast.Subscript():
            _assign_item(target, value, frame)


def _assign_item(target: ast.Subscript, value: Value, frame: Frame) -> None:
    """``STORAGES["staticfiles"]["BACKEND"] = …``, ``os.environ["X"] = …``, ``L[1:1] = […]``."""
    base, keys = _path(target, frame)
    if isinstance(target.slice, ast.Slice):
        change(target.value, "extend", (value,), frame)
    elif isinstance(base, ast.Name):
        owner = frame.lookup(base.id) or Value(UNKNOWN)
        if owner.data == Ref("os.environ") or UNKNOWN in keys:
            _give(keys, value, frame)
        else:
            frame.names[base.id] = put(owner, keys, value)
    elif isinstance(base, ast.Call) and isinstance(base.func, ast.Name) and len(keys) == 1:
        if base.func.id not in ("globals", "locals", "vars"):
            return
        if isinstance(keys[0], str):
            frame.names[keys[0]] = value
        else:
            frame.overlook(target)
    elif evaluate(base, frame).data == Ref("os.environ"):
        _give(keys, value, frame)


def _give(keys: tuple[object, ...], value: Value, frame: Frame) -> None:
    if len(keys) == 1 and isinstance(keys[0], str):
        variables.give(keys[0], value, frame, anew=True)


def _path(target: ast.expr, frame: Frame) -> tuple[ast.expr, tuple[object, ...]]:
    """Return the base of ``base["a"]["b"]``, and the keys."""
    if not isinstance(target, ast.Subscript) or isinstance(target.slice, ast.Slice):
        return target, ()
    base, keys = _path(target.value, frame)
    key = evaluate(target.slice, frame).data
    return base, (*keys, key if isinstance(key, str | int) else UNKNOWN)


def augment(node: ast.AugAssign, frame: Frame) -> None:
    """``INSTALLED_APPS += […]``."""
    before, added = evaluate(node.target, frame), evaluate(node.value, frame)
    data = bounded(operate(before.data, node.op, added.data))
    value = Value(data, frame.source(node), union(before, added))
    assign(node.target, value, frame)


def _extend(before: Value, given: tuple[Value, ...]) -> object:
    return operate(before.data, ast.Add(), given[-1].data)


def _append(before: Value, given: tuple[Value, ...]) -> object:
    return operate(before.data, ast.Add(), (given[-1],))


def _insert(before: Value, given: tuple[Value, ...]) -> object:
    index = given[0].data
    if not isinstance(before.data, tuple) or not isinstance(index, int):
        return _append(before, given)
    items = list(before.data)
    items.insert(index, given[-1])
    return tuple(items)


def _remove(before: Value, given: tuple[Value, ...]) -> object:
    items = before.data if isinstance(before.data, tuple) else ()
    return tuple(item for item in items if item.data != given[0].data)


def _update(before: Value, given: tuple[Value, ...]) -> object:
    return operate(before.data, ast.BitOr(), given[0].data)


# The methods that change what they are called on.
CHANGES: dict[str, Callable[[Value, tuple[Value, ...]], object]] = {
    "append": _append,
    "insert": _insert,
    "add": _append,
    "extend": _extend,
    "remove": _remove,
    "update": _update,
}


def change(base: ast.expr, name: str, given: tuple[Value, ...], frame: Frame) -> None:
    """Let *base* be worth what its method *name* makes of it: ``MIDDLEWARE.append("…")``."""
    before = evaluate(base, frame)
    if given and isinstance(before.data, tuple | dict):
        data = bounded(CHANGES[name](before, given))
        assign(base, replace(before, data=data, reads=union(before, *given)), frame)
