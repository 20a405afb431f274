"""A call of a function of the project's own: its body is followed with the arguments given."""

from __future__ import annotations

import ast
from functools import reduce

from buildstatic.project.settings.arguments import Arguments
from buildstatic.project.settings.state import Frame
from buildstatic.project.settings.values import UNKNOWN, Function, Value, merge


def inline(function: Function, arguments: Arguments) -> Value:
    """Return what *function* returns for *arguments*; UNKNOWN where calls go too deep.

    Where it returns in several places, the one reached in an empty environment counts, if the
    others return nothing but the variable that was asked for; else it is what `merge` says.
    """
    caller, reading = arguments.frame, arguments.frame.reading
    if reading.depth == 0:
        return Value(UNKNOWN)
    frame = Frame(
        reading,
        function.frame.file,
        _bound(function.node.args, arguments, function.frame),
        outer=function.frame,
        runs=caller.runs,
        site=caller.site or caller.source(arguments.node),
        prefix=caller.prefix,
        distance=function.frame.distance,
    )
    reading.depth -= 1
    frame.follow(function.node.body, frame)
    reading.depth += 1
    returned = sorted(frame.returns, key=lambda pair: not pair[0])
    tested = tuple(frame.tested)
    values = [value for _, value in returned] or [Value(None)]
    return reduce(lambda one, other: merge(one, other, tested), values)


def _bound(parameters: ast.arguments, arguments: Arguments, frame: Frame) -> dict[str, Value]:
    names = [arg.arg for arg in (*parameters.posonlyargs, *parameters.args)]
    late = [arg.arg for arg in parameters.kwonlyargs]
    values = {name: Value(UNKNOWN) for name in (*names, *late)}
    defaults = zip(reversed(names), reversed(parameters.defaults), strict=False)
    named = zip(late, parameters.kw_defaults, strict=True)
    for name, node in (*defaults, *named):
        if node is not None:
            values[name] = frame.evaluate(node)
    values |= dict(zip(names, arguments.positional, strict=False))
    values |= {name: value for name, value in arguments.named.items() if name in values}
    if parameters.vararg:
        values[parameters.vararg.arg] = Value(arguments.positional[len(names) :])
    if parameters.kwarg:
        rest = {key: item for key, item in arguments.named.items() if key not in values}
        values[parameters.kwarg.arg] = Value(rest)
    return values
