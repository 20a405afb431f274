"""The services of .railway/railway.py, by its syntax tree: it is not run.

The names of what a service takes are those of railway-sdk (``railway_sdk.service``).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from buildstatic.checks.service import Line, Service

FILE = ".railway/railway.py"
# Where each is written: as an argument itself, or in an argument that is a dictionary.
BEFORE = ("preDeploy", "preDeployCommand", "run.preDeploy", "deploy.preDeployCommand")
START = ("start", "startCommand", "run.command", "deploy.startCommand")
MOUNTS = "volumeMounts"
REQUIRED = "deploy.requiredMountPath"


def services(tree: ast.Module) -> Iterator[Service]:
    """Yield the services that *tree* defines, with what is written in them as plain text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) == "service":
            yield _service(_arguments(node))


def _service(arguments: Mapping[str, ast.expr]) -> Service:
    mounts = _keys(arguments.get(MOUNTS))
    return Service(
        "Railway",
        tuple(_texts(_first(arguments, BEFORE))),
        tuple(_texts(_first(arguments, START))),
        (*(line for key in mounts for line in _texts(key)), *_texts(arguments.get(REQUIRED))),
    )


def _first(arguments: Mapping[str, ast.expr], names: tuple[str, ...]) -> ast.expr | None:
    return next((arguments[name] for name in names if name in arguments), None)


def _arguments(call: ast.Call) -> dict[str, ast.expr]:
    """Return what *call* is given by name, what is in ``deploy`` and ``run`` as ``deploy.name``."""
    found = _entries(call.args[1]) if len(call.args) > 1 else {}
    found |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    for name in ("deploy", "run"):
        inside = _entries(found.get(name))
        found |= {f"{name}.{key}": value for key, value in inside.items()}
    return found


def _entries(node: ast.expr | None) -> dict[str, ast.expr]:
    """Return what a dictionary holds under plain text, ``{…} | other`` being its left side."""
    while isinstance(node, ast.BinOp):
        node = node.left
    if not isinstance(node, ast.Dict):
        return {}
    pairs = zip(map(_text, node.keys), node.values, strict=True)
    return {key: value for key, value in pairs if key is not None}


def _keys(node: ast.expr | None) -> list[ast.expr]:
    return [key for key in node.keys if key] if isinstance(node, ast.Dict) else []


def _texts(node: ast.expr | None) -> Iterator[Line]:
    match node:
        case ast.Constant(value=str(text)):
            yield Line(FILE, node.lineno, text)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            for item in items:
                yield from _texts(item)


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
