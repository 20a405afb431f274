"""The page that says whether the site is well: one of the usual names among its URLs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from buildstatic.errors import ConfigInvalid
from buildstatic.project import files
from buildstatic.project.model import Fact
from buildstatic.project.search import Search
from buildstatic.project.settings import Settings

# As they are called in Kubernetes' documentation, Rails, and django-health-check's ("ht").
NAMES = frozenset(
    {
        *("health", "healthz", "healthcheck", "health-check", "health_check", "_health"),
        *("ht", "livez", "readyz", "up", "ping"),
    }
)
PACKAGE = "health_check"
DEPTH = 3


def find(settings: Settings, search: Search) -> Fact[str] | None:
    """Return the path of a health check among the URLs of *settings*, or None.

    URLs below `i18n_patterns` are left out: they answer with a redirect.
    """
    root = settings.text("ROOT_URLCONF")
    return next(_checks(str(root.data), "/", search, DEPTH), None) if root else None


def _checks(module: str, prefix: str, search: Search, depth: int) -> Iterator[Fact[str]]:
    path = search.module(module)
    if path is None or not depth:
        return
    try:
        tree = files.read_python(path, search.root)
    except ConfigInvalid:  # the settings are what is read; URLs only give a hint
        return
    for call in _calls(tree):
        route, target = _route(call), _included(call)
        if route is None:
            continue
        place = prefix + route
        if target == f"{PACKAGE}.urls" or (target is None and route.strip("/") in NAMES):
            yield Fact(place, f"{search.relative(path)}:{call.lineno}")
        elif target is not None:
            yield from _included_checks(target, place, search, depth, path)


def _included_checks(
    target: str, place: str, search: Search, depth: int, path: Path
) -> Iterator[Fact[str]]:
    if search.module(target) != path:
        yield from _checks(target, place, search, depth - 1)


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls of path(), re_path() and url() in *node*, in their order."""
    if isinstance(node, ast.Call):
        name = _name(node)
        if name == "i18n_patterns":
            return
        if name in ("path", "re_path", "url") and node.args:
            yield node
            return
    for child in ast.iter_child_nodes(node):
        yield from _calls(child)


def _name(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _route(call: ast.Call) -> str | None:
    """Return the path that *call* adds, None where it is not always the same."""
    first = call.args[0]
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return None
    is_regex = _name(call) != "path"
    route = re.sub(r"^\^|\$$|\\Z$", "", first.value) if is_regex else first.value
    route = re.sub(r"/\?$", "/", route) if is_regex else route
    return route if re.fullmatch(r"[\w/.~-]*", route, re.ASCII) else None


def _included(call: ast.Call) -> str | None:
    """Return the module that *call* includes, None where it leads to a view."""
    target = call.args[1] if len(call.args) > 1 else None
    if not isinstance(target, ast.Call) or _name(target) != "include" or not target.args:
        return None
    first = target.args[0]
    first = first.elts[0] if isinstance(first, ast.Tuple) and first.elts else first
    return str(first.value) if isinstance(first, ast.Constant) else ""
