"""The WSGI and ASGI application, as ``module:attribute``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from buildstatic.project import files
from buildstatic.project.model import Fact
from buildstatic.project.search import Search, is_module_name
from buildstatic.project.settings import Settings

NAMES = ("application", "app")


def find(kind: str, module: str, settings: Settings, search: Search) -> Fact[str] | None:
    """Return the application of *kind*, ``wsgi`` or ``asgi``, of the settings *module*.

    It is what the settings name; else that of a wsgi.py (asgi.py) beside the settings, or above
    them: ``config.settings.production`` has ``config/wsgi.py``.
    """
    named = settings.text(f"{kind.upper()}_APPLICATION")
    if named is not None and is_module_name(str(named.data)) and "." in str(named.data):
        owner, _, attribute = str(named.data).rpartition(".")
        return Fact(f"{owner}:{attribute}", named.source)
    parts = module.split(".")[:-1]
    for length in range(len(parts), -1, -1):
        found = _in_module(".".join([*parts[:length], kind]), search)
        if found:
            return found
    return None


def _in_module(module: str, search: Search) -> Fact[str] | None:
    path = search.module(module)
    if path is None:
        return None
    bound = dict(reversed(list(_bound(files.read_python(path, search.root).body))))
    for name in NAMES:
        if name in bound:
            return Fact(f"{module}:{name}", f"{search.relative(path)}:{bound[name]}")
    return None


def _bound(body: Sequence[ast.stmt]) -> Iterator[tuple[str, int]]:
    """Yield the names that a module binds, with their lines, those in ``if`` and ``try`` too."""
    for node in body:
        match node:
            case ast.Assign(targets=targets):
                names = [target.id for target in targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names = [name]
            case ast.ImportFrom(names=aliases) | ast.Import(names=aliases):
                names = [alias.asname or alias.name for alias in aliases]
            case ast.If() | ast.Try():
                yield from _bound([*node.body, *node.orelse])
                continue
            case _:
                continue
        yield from ((name, node.lineno) for name in names)
