"""The calls that a module makes while it is imported, by its syntax tree, with full names."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

DEPTH = 5
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Call:
    """A call: *name* with imports spelled out (``requests.get``), and where it is written.

    What a call gives back is written ``boto3.client()``, so that a method of it is
    ``boto3.client().get_parameter``. *is_maybe* says that it is in a branch, or that
    an exception of it may be caught.
    """

    name: str
    node: ast.Call
    is_maybe: bool

    @property
    def line(self) -> int:
        """The line that it is on."""
        return self.node.lineno


@dataclass(frozen=True)
class _Scene:
    names: dict[str, str] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    is_maybe: bool = False
    depth: int = 0


def calls(tree: ast.Module) -> tuple[Call, ...]:
    """Return the calls that run when *tree* is imported, those of its own functions followed."""
    scene = _Scene(functions={n.name: n for n in tree.body if isinstance(n, Function)})
    return tuple(_block(tree.body, scene))


def _block(body: Sequence[ast.stmt], scene: _Scene) -> Iterator[Call]:
    for node in body:
        yield from _statement(node, scene)


def _statement(node: ast.stmt, scene: _Scene) -> Iterator[Call]:
    match node:
        case ast.Import(names=aliases):
            for alias in aliases:
                top = alias.name.partition(".")[0]
                scene.names[alias.asname or top] = alias.name if alias.asname else top
        case ast.ImportFrom(module=str() as module, level=0, names=aliases):
            scene.names.update({a.asname or a.name: f"{module}.{a.name}" for a in aliases})
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            arguments = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
            for part in (*node.decorator_list, *arguments):
                yield from _expression(part, scene)
        case ast.ClassDef(body=body):
            yield from _block(body, replace(scene, names=dict(scene.names)))
        case ast.If(test=test) if _is_main(test):
            return
        case ast.If(test=test, body=body, orelse=other):
            yield from _expression(test, scene)
            yield from _block([*body, *other], replace(scene, is_maybe=True))
        case ast.Try() | ast.TryStar():
            yield from _block(
                node.body, replace(scene, is_maybe=scene.is_maybe or bool(node.handlers))
            )
            for handler in node.handlers:
                yield from _block(handler.body, scene)
            yield from _block([*node.orelse, *node.finalbody], scene)
        case _:
            yield from _parts(node, scene)
            _bind(node, scene)


def _parts(node: ast.AST, scene: _Scene) -> Iterator[Call]:
    """Yield the calls in what *node* is made of: expressions first, then blocks."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from _expression(child, scene)
        elif isinstance(child, ast.stmt):
            yield from _statement(child, scene)
        else:
            yield from _parts(child, scene)


def _expression(node: ast.expr, scene: _Scene) -> Iterator[Call]:
    if isinstance(node, ast.Lambda | ast.GeneratorExp):
        return
    yield from _parts(node, scene)
    if isinstance(node, ast.Call):
        yield Call(_name(node.func, scene), node, scene.is_maybe)
        yield from _followed(node, scene)


def _followed(node: ast.Call, scene: _Scene) -> Iterator[Call]:
    """Yield the calls of a function of the module's own that is called."""
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    function = scene.functions.get(name)
    if function is None or name in scene.names or scene.depth >= DEPTH:
        return
    inside = replace(scene, names=dict(scene.names), depth=scene.depth + 1)
    for call in _block(function.body, inside):
        yield replace(call, node=node) if scene.depth == 0 else call


def _bind(node: ast.stmt, scene: _Scene) -> None:
    """Take down what a name is worth: that of what is called, or of another name."""
    pairs: list[tuple[ast.expr | None, ast.expr]] = []
    match node:
        case ast.Assign(targets=[target], value=value):
            pairs = [(target, value)]
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            pairs = [(target, value)]
        case ast.With(items=items):
            pairs = [(item.optional_vars, item.context_expr) for item in items]
    for to, value in pairs:
        if isinstance(to, ast.Name):
            scene.names[to.id] = _name(value, scene)


def _name(node: ast.expr, scene: _Scene) -> str:
    match node:
        case ast.Name(id=name):
            return scene.names.get(name, name)
        case ast.Attribute(value=value, attr=attribute):
            return f"{_name(value, scene)}.{attribute}"
        case ast.Call(func=function):
            return f"{_name(function, scene)}()"
        case ast.Subscript(value=value):
            return f"{_name(value, scene)}[]"
        case ast.Await(value=value):
            return _name(value, scene)
        case _:
            return "?"


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and getattr(test.left, "id", "") == "__name__"
