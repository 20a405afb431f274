"""The calls that importing a module makes, as read from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

# Any exception that a missing program, repository, file or manifest raises, or its base classes.
CAUGHT = re.compile(r"\b(?:Base)?Exception|\w*Error\b")
# Conditions that keep the call from running in an image.
GUARD = re.compile(r"\.git\b|\bwhich\b|exists\b|is_?file\b|is_?dir\b|\bDEBUG\b|__name__ ==")


def import_time_calls(tree: ast.Module, called: Iterable[str] = ()) -> list[tuple[str, ast.Call]]:
    """Return the calls that importing the module *tree* makes and whose errors nothing catches.

    Each has the name of the function, the full dotted path if it is imported, with the leading dots
    of a relative import. The bodies of the module's own functions count if it calls them, or if
    they are among *called*, those that other modules call. Left out is what runs only in
    development or as a program, or if a file exists.
    """
    visitor = _Visitor(tree)
    visitor.visit(tree)
    for name in called:
        visitor.visit_body(name)
    return visitor.calls


class _Visitor(ast.NodeVisitor):
    def __init__(self, tree: ast.Module) -> None:
        self.names: dict[str, str] = {}
        self.calls: list[tuple[str, ast.Call]] = []
        self.functions = {
            node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
        }

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            top = alias.name.partition(".")[0]
            self.names[alias.asname or top] = alias.name if alias.asname else top

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (f"{node.module}." if node.module else "")
        for alias in node.names:
            self.names[alias.asname or alias.name] = f"{module}{alias.name}"

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults):
            if part is not None:
                self.visit(part)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Skip the body, which does not run now."""

    def visit_Try(self, node: ast.Try) -> None:
        catches = any(h.type is None or CAUGHT.search(ast.unparse(h.type)) for h in node.handlers)
        handlers = [statement for handler in node.handlers for statement in handler.body]
        for part in (*(() if catches else node.body), *handlers, *node.orelse, *node.finalbody):
            self.visit(part)
        for part in node.body if catches else ():
            if isinstance(part, ast.Import | ast.ImportFrom):
                self.visit(part)

    def visit_With(self, node: ast.With) -> None:
        if not any("suppress(" in ast.unparse(item.context_expr) for item in node.items):
            self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        for part in (node.test, *node.body) if not GUARD.search(ast.unparse(node.test)) else ():
            self.visit(part)
        for part in node.orelse:
            self.visit(part)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        if not GUARD.search(ast.unparse(node.test)):
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        name, _, attributes = ast.unparse(node.func).partition(".")
        self.calls.append((f"{self.names.get(name, name)}.{attributes}".rstrip("."), node))
        if not attributes:
            self.visit_body(name)

    def visit_body(self, name: str) -> None:
        """Visit the body of the module's own function *name*, once."""
        if function := self.functions.pop(name, None):
            for statement in function.body:
                self.visit(statement)
