"""The dependencies that setup.py and setup.cfg declare, read without running them.

setuptools.pypa.io/en/latest/userguide/dependency_management.html
"""

from __future__ import annotations

import ast
import configparser
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from buildstatic.project import Packages, files
from buildstatic.project.packages.requirements import canonical, join, parse_lines


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
    lines: list[str] = []
    extras: dict[str, list[str]] = {}
    if paths[-1].name == "setup.cfg":
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(files.read_text(paths[-1], root))
            lines = parser.get("options", "install_requires", fallback="").splitlines()
            if parser.has_section("options.extras_require"):
                section = parser["options.extras_require"]
                extras = {name: text.splitlines() for name, text in section.items()}
        except configparser.Error:
            pass
    if paths[0].name == "setup.py":
        tree = files.read_python(paths[0], root)
        lines += [text for value in _arguments(tree, "requires") for text in _texts(value)]
        for value in _arguments(tree, "extras"):
            extras |= _extras(value)
    elif not lines:
        return None
    source = f"{files.relative(paths[0], root)}:1"
    optional = {name: parse_lines(held, source, python) for name, held in extras.items()}
    return Metadata(tuple(paths), parse_lines(lines, source, python), optional)


def _arguments(tree: ast.Module, word: str) -> Iterator[ast.expr]:
    """Yield what a setup.py gives as install_requires or extras_require, or calls so, by *word*."""
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg="install_requires" | "extras_require" as name, value=value):
                pass
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case _:
                continue
        if word in name.lower():
            yield value


def _texts(value: ast.expr) -> list[str]:
    """Return the literal texts in a list."""
    inner = value.elts if isinstance(value, ast.List | ast.Tuple) else []
    texts = (item.value for item in inner if isinstance(item, ast.Constant))
    return [text for text in texts if isinstance(text, str)]


def _extras(value: ast.expr) -> dict[str, list[str]]:
    """Return the lists in a literal dictionary, by their keys."""
    pairs = zip(value.keys, value.values, strict=True) if isinstance(value, ast.Dict) else ()
    return {
        key.value: _texts(item)
        for key, item in pairs
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }
