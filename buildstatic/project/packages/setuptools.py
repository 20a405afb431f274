"""The dependencies that setup.py and setup.cfg declare, read without running them.

setuptools.pypa.io/en/latest/userguide/dependency_management.html
"""

from __future__ import annotations

import ast
import configparser
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from buildstatic.project import Packages, files
from buildstatic.project.packages.pyproject import with_own_extras
from buildstatic.project.packages.requirements import canonical, join, package, parse_lines


@dataclass(frozen=True)
class Metadata:
    """What the *files* of a package declare: its dependencies, and those of each extra."""

    files: tuple[Path, ...]
    dependencies: Packages
    extras: Mapping[str, Packages]

    def with_extras(self, names: Collection[str]) -> Packages:
        """Return what is installed with the extras *names*."""
        wanted = set(map(canonical, names))
        chosen = (held for name, held in self.extras.items() if canonical(name) in wanted)
        return join(item for held in (self.dependencies, *chosen) for item in held.values())


def read(directory: Path, root: Path, python: str) -> Metadata | None:
    """Return what the package in *directory* declares for *python* on Linux.

    None if it has no setup.py, and no setup.cfg with dependencies. Raises `ConfigInvalid`.
    """
    paths = [path for name in ("setup.py", "setup.cfg") if files.is_file(path := directory / name)]
    if not paths:
        return None
    name, lines, extras = _declared_by_cfg(directory / "setup.cfg", root)
    if paths[0].name == "setup.py":
        own_name, own_lines, own_extras = _declared_by_py(paths[0], root)
        name, lines, extras = own_name or name, lines + own_lines, extras | own_extras
    elif not lines:
        return None
    source = f"{files.relative(paths[0], root)}:1"
    optional = {key: parse_lines(held, python) for key, held in extras.items()}
    optional = with_own_extras(name, optional, optional)

    def packages(found: list[Requirement]) -> Packages:
        return join(package(requirement, source) for requirement in found)

    held = {key: packages(found) for key, found in optional.items()}
    return Metadata(tuple(paths), packages(parse_lines(lines, python)), held)


def _declared_by_cfg(path: Path, root: Path) -> tuple[str, list[str], dict[str, list[str]]]:
    """Return name, dependencies and extras in the setup.cfg at *path*, which may not exist."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(files.read_text(path, root) if files.is_file(path) else "")
    except configparser.Error:
        return "", [], {}
    section = "options.extras_require"
    extras = parser[section].items() if parser.has_section(section) else ()
    return (
        parser.get("metadata", "name", fallback=""),
        parser.get("options", "install_requires", fallback="").splitlines(),
        {key: text.splitlines() for key, text in extras},
    )


def _declared_by_py(path: Path, root: Path) -> tuple[str, list[str], dict[str, list[str]]]:
    """Return name, dependencies and extras in the setup.py at *path*."""
    tree = files.read_python(path, root)
    assigned = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    extras: dict[str, list[str]] = {}
    for value in _arguments(tree, "extras"):
        extras |= _extras(value, assigned)
    return (
        next((text for value in _names(tree) for text in _texts(value, assigned)), ""),
        [text for value in _arguments(tree, "requires") for text in _texts(value, assigned)],
        extras,
    )


def _arguments(tree: ast.Module, word: str) -> Iterator[ast.expr]:
    """Yield what a setup.py gives as install_requires or extras_require, or calls so, by *word*."""
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg="install_requires" | "extras_require" as name, value=value):
                pass
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.List() | ast.Tuple() | ast.BinOp() | ast.Dict() as value,
            ):
                pass
            case _:
                continue
        if word in name.lower():
            yield value


def _names(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield what is the name of the package in a call of setup()."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="setup") | ast.Attribute(attr="setup")):
                yield from (word.value for word in node.keywords if word.arg == "name")


def _texts(value: ast.expr, assigned: Mapping[str, ast.expr]) -> list[str]:
    """Return the literal texts in *value*: lists, their sums, and names that are *assigned*."""
    found, left, unseen = list[str](), [value], dict(assigned)
    while left:
        match left.pop():
            case ast.Constant(value=str(text)):
                found += text.splitlines()
            case ast.List(elts=inner) | ast.Tuple(elts=inner):
                left += reversed(inner)
            case ast.BinOp(left=first, op=ast.Add(), right=second):
                left += (second, first)
            case ast.Name(id=name) if name in unseen:
                left.append(unseen.pop(name))
    return found


def _extras(value: ast.expr, assigned: Mapping[str, ast.expr]) -> dict[str, list[str]]:
    """Return the lists in a literal dictionary, by their keys."""
    pairs = zip(value.keys, value.values, strict=True) if isinstance(value, ast.Dict) else ()
    return {
        key.value: _texts(item, assigned)
        for key, item in pairs
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }
