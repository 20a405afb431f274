"""Which settings module: the one named, or the one in manage.py, for the image production's."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from buildstatic.errors import ConfigInvalid, SettingsInvalid
from buildstatic.project import files
from buildstatic.project.config import Config
from buildstatic.project.model import Fact
from buildstatic.project.search import Search, is_name
from buildstatic.project.settings.modules import read_script

VARIABLE = "DJANGO_SETTINGS_MODULE"
DEVELOPMENT = ("dev", "local", "development")
PRODUCTION = ("production", "prod", "deploy")
# Modules that a project splits its settings from, and that nobody deploys.
SHARED = ("base", "common", "default", "defaults")
NAME_IT = "Name it with --settings, or as settings in [tool.buildstatic] of pyproject.toml."


def choose(
    search: Search,
    manage: Path,
    named: str | None,
    config: Config,
    environ: Mapping[str, str],
) -> tuple[Fact[str], tuple[str, ...]]:
    """Return the settings module, and notes on the choice.

    Its order: *named* (``--settings``), *config*, *environ*, *manage*. Only what manage.py says is
    taken for a developer's choice, and gives way to a sibling made for production.
    """
    if named:
        return Fact(named, "--settings"), ()
    if config.settings:
        return Fact(config.settings, config.source("settings")), ()
    if environ.get(VARIABLE):
        return Fact(environ[VARIABLE], VARIABLE), _otherwise(environ[VARIABLE], manage, search)
    return _by_script(manage, search)


def _otherwise(named: str, manage: Path, search: Search) -> tuple[str, ...]:
    """Say that *named*, which the environment names, is not what would be found without it."""
    try:
        found, _ = _by_script(manage, search)
    except (SettingsInvalid, ConfigInvalid):
        return ()
    if found.value == named:
        return ()
    return (
        f"The settings are {named}, as {VARIABLE} in the environment says; without it they would be"
        f" {found.value} ({found.source}). Unset it where that is not meant.",
    )


def _by_script(manage: Path, search: Search) -> tuple[Fact[str], tuple[str, ...]]:
    found = in_script(manage, search)
    sibling = _sibling(found.value, search)
    if sibling is None:
        return found, ()
    path = search.module(sibling)
    source = f"{search.relative(path)}:1" if path else found.source
    note = (
        f"{found.source} names {found.value}; for the image its sibling {sibling} is taken"
        f" (--settings {found.value} takes the other)."
    )
    return Fact(sibling, source), (note,)


def locate(settings: Fact[str], search: Search) -> Path:
    """Return the file of the module *settings*, or raise `SettingsInvalid`."""
    name = settings.value
    path = search.module(name) if is_name(name) else None
    if path is not None:
        return path
    named = f"The settings module {name} (from {settings.source})"
    if name.endswith(".py") or "/" in name:
        dotted = name.removesuffix(".py").strip("./").replace("/", ".")
        raise SettingsInvalid(f"{named} is written as a file.", f"Write {dotted}.")
    places = ", ".join(dict.fromkeys(f"{search.relative(d)}/" for d in search.directories))
    raise SettingsInvalid(f"{named} has no file in {places.replace('./', 'the root')}.", NAME_IT)


def in_script(path: Path, search: Search) -> Fact[str]:
    """Return the settings module that the program in *path* (manage.py) sets, and its place.

    Raises `SettingsInvalid` where it sets none, or one that cannot be told by reading.
    """
    reading = read_script(path, search)
    found = reading.given.get(VARIABLE) or reading.offered.get(VARIABLE)
    if found is not None and isinstance(found.data, str) and found.data:
        return Fact(found.data, found.source)
    for node in ast.walk(files.read_python(path, search.root)):
        for value in _settings(node):
            return Fact(value, f"{search.relative(path)}:{getattr(node, 'lineno', 1)}")
    if found is not None:
        raise SettingsInvalid(f"{found.source} works out the settings module as it runs.", NAME_IT)
    raise SettingsInvalid(f"{search.relative(path)} names no settings module.", NAME_IT)


def _settings(node: ast.AST) -> Iterator[str]:
    """Yield the module in any ``….setdefault("DJANGO_SETTINGS_MODULE", "…")``, called or not."""
    match node:
        case ast.Call(
            func=ast.Attribute(attr="setdefault"),
            args=[ast.Constant(value="DJANGO_SETTINGS_MODULE"), ast.Constant(value=str() as value)],
        ):
            yield value
        case ast.Assign(
            targets=[ast.Subscript(slice=ast.Constant(value="DJANGO_SETTINGS_MODULE"))],
            value=ast.Constant(value=str() as value),
        ):
            yield value


def _sibling(module: str, search: Search) -> str | None:
    """Return the production module beside *module*, if that one is a developer's; else None."""
    package, _, name = module.rpartition(".")
    words = name.split("_")
    for word in DEVELOPMENT:
        if word in words:
            return _existing(
                (_join(package, _swapped(words, word, new)) for new in PRODUCTION), search
            )
    if name in SHARED and _existing((_join(package, dev) for dev in DEVELOPMENT), search):
        return _existing((_join(package, new) for new in PRODUCTION), search)
    if search.package(module) and _is_developers(module, search):
        return _existing((f"{module}.{new}" for new in PRODUCTION), search)
    return None


def _join(package: str, name: str) -> str:
    return f"{package}.{name}" if package else name


def _swapped(words: list[str], old: str, new: str) -> str:
    return "_".join(new if word == old else word for word in words)


def _existing(candidates: Iterator[str], search: Search) -> str | None:
    return next((name for name in candidates if search.module(name)), None)


def _is_developers(package: str, search: Search) -> bool:
    """Say whether a settings package is empty itself, or takes in nothing but development's."""
    path = search.module(package)
    if path is None:
        return True
    if path.name != "__init__.py":
        return False
    body = files.read_python(path, search.root).body
    return all(_is_empty(node) or _imports_development(node) for node in body)


def _is_empty(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _imports_development(node: ast.stmt) -> bool:
    module = node.module if isinstance(node, ast.ImportFrom) else None
    return module is not None and module.rpartition(".")[2] in DEVELOPMENT
