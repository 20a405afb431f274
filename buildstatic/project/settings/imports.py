"""Imports: modules of the project's are read, all others are names of what is not its own."""

from __future__ import annotations

import ast
import glob
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from buildstatic.errors import ConfigInvalid
from buildstatic.project import files
from buildstatic.project.search import module_at
from buildstatic.project.settings.expressions import outside
from buildstatic.project.settings.state import Frame, Reading
from buildstatic.project.settings.values import UNKNOWN, Module, Value

# How far the reading follows imports other than ``import *``: settings, their helpers, no further.
FAR = 3


def load(path: Path, reading: Reading, *, runs: bool = True, distance: int = 0) -> dict[str, Value]:
    """Read the module in *path*, once, and return its names; in a circle, those so far."""
    if (path, runs) in reading.modules:
        return reading.modules[path, runs]
    names = reading.modules[path, runs] = {
        "__file__": Value(str(reading.place(path))),
        "__name__": Value(path.stem),
    }
    tree = files.read_python(path, reading.search.root)
    frame = Frame(reading, path, names, runs=runs, distance=distance)
    frame.follow(tree.body, frame)
    return names


def bind_import(node: ast.Import, frame: Frame) -> None:
    """``import a.b`` binds ``a``, ``import a.b as c`` binds ``c``."""
    for alias in node.names:
        top, _, rest = alias.name.partition(".")
        path = frame.reading.search.module(alias.name)
        if path is None:
            value = outside(alias.name if alias.asname else top)
        else:
            value = _module(path, frame) if alias.asname or not rest else outside(top)
        frame.names[alias.asname or top] = replace(value, source=frame.source(node))


def bind_from(node: ast.ImportFrom, frame: Frame) -> None:
    """``from .base import *`` and its kin."""
    place = _place(node, frame)
    path = module_at(place) if place else None
    if place is None or (path is None and not files.is_directory(place)):
        frame.reading.missed += place is not None
        for alias in node.names:
            _bind_outside(alias, node, frame)
        return
    for alias in node.names:
        if alias.name == "*":
            _bind_all(path, frame)
        else:
            value = _member(path, place, alias.name, frame)
            frame.names[alias.asname or alias.name] = value


def _bind_outside(alias: ast.alias, node: ast.ImportFrom, frame: Frame) -> None:
    if alias.name == "*":
        frame.overlook(node)
    else:
        value = Value(UNKNOWN) if node.level else outside(f"{node.module}.{alias.name}")
        frame.names[alias.asname or alias.name] = replace(value, source=frame.source(node))


def _place(node: ast.ImportFrom, frame: Frame) -> Path | None:
    """Return where the module would be, without suffix; None if it is not the project's."""
    parts = node.module.split(".") if node.module else []
    if node.level:
        directory = frame.file.parent
        for _ in range(node.level - 1):
            directory = directory.parent
        return directory.joinpath(*parts)
    for directory in frame.reading.search.directories:
        top = directory / parts[0]
        if module_at(top) or files.is_directory(top):
            return directory.joinpath(*parts)
    return None


def _bind_all(path: Path | None, frame: Frame) -> None:
    if path is None:
        return
    names = load(path, frame.reading, runs=frame.runs, distance=frame.distance)
    listed = names.get("__all__", Value(UNKNOWN)).data
    if isinstance(listed, tuple):
        public = {item.data for item in listed}
    else:
        public = {name for name in names if not name.startswith("_")}
    frame.names |= {name: value for name, value in names.items() if name in public}


def _member(path: Path | None, place: Path, name: str, frame: Frame) -> Value:
    if path is not None and path != frame.file:
        found = _module(path, frame).data
        if isinstance(found, Module) and name in found.names:
            return found.names[name]
    inner = module_at(place / name)
    return _module(inner, frame) if inner else Value(UNKNOWN)


def _module(path: Path, frame: Frame) -> Value:
    """Return a module that is imported by name; one that cannot be read is unknown."""
    if frame.distance >= FAR:
        return Value(UNKNOWN)
    try:
        return Value(
            Module(load(path, frame.reading, runs=frame.runs, distance=frame.distance + 1))
        )
    except ConfigInvalid:
        return Value(UNKNOWN)


def include(node: ast.Call, patterns: Sequence[Value], frame: Frame) -> None:
    """``include("components/base.py", optional("local.py"))`` of django-split-settings."""
    own = frame.names.get("__file__")
    for pattern in patterns:
        if not isinstance(pattern.data, str):
            frame.overlook(node)
            continue
        # Not Path.glob, which raises for an absolute pattern.
        for name in sorted(glob.glob(pattern.data, root_dir=frame.file.parent)):  # noqa: PTH207
            path = frame.file.parent / name
            if not _is_new(path, frame):
                continue
            tree = files.read_python(path, frame.reading.search.root)
            frame.names["__file__"] = Value(str(frame.reading.place(path)))
            inner = replace(frame, file=path)
            inner.follow(tree.body, inner)
    if own is not None:
        frame.names["__file__"] = own


def _is_new(path: Path, frame: Frame) -> bool:
    """Say whether *path* is a file that is to be included: none is twice, nor in itself."""
    frame.included.add(files.resolved(frame.file))
    place = files.resolved(path)
    if place in frame.included or not files.is_file(place):
        return False
    frame.included.add(place)
    return True
