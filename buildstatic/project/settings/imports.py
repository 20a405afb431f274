"""Import modules of the project; names of other modules are references (`Ref`)."""

from __future__ import annotations

import ast
import glob
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from buildstatic.errors import ConfigInvalid
from buildstatic.project import files
from buildstatic.project.search import module_at
from buildstatic.project.settings.evaluate import external
from buildstatic.project.settings.values import UNKNOWN, Evaluation, Frame, Module, Value

# How many imports by name are followed from the settings: their helpers, and no further.
MAX_DISTANCE = 3


def load(
    path: Path, evaluation: Evaluation, *, reached: bool = True, distance: int = 0
) -> dict[str, Value]:
    """Execute the module in *path*, once, and return its names; in an import cycle, those so far.

    Raises `ConfigInvalid` if it is not valid Python.
    """
    if (path, reached) in evaluation.modules:
        return evaluation.modules[path, reached]
    names = evaluation.modules[path, reached] = {
        "__file__": Value(str(evaluation.place(path))),
        "__name__": Value(path.stem),
    }
    tree = files.read_python(path, evaluation.search.root)
    evaluation.execute(
        tree.body, Frame(evaluation, path, names, reached=reached, distance=distance)
    )
    return names


def import_modules(node: ast.Import, frame: Frame) -> None:
    """``import a.b`` binds ``a``, ``import a.b as c`` binds ``c``."""
    for alias in node.names:
        top, _, rest = alias.name.partition(".")
        path = frame.evaluation.search.module(alias.name)
        if path is not None and (alias.asname or not rest):
            value = _import_module(path, frame)
        else:
            value = external(alias.name if alias.asname else top)
        frame.names[alias.asname or top] = value.at(frame.source(node))


def import_names(node: ast.ImportFrom, frame: Frame) -> None:
    """``from .base import *`` and ``from .base import DEBUG``."""
    place = _place(node, frame)
    path = module_at(place) if place else None
    if place is not None and (path is not None or files.is_directory(place)):
        for alias in node.names:
            if alias.name == "*":
                _import_all(path, frame)
            else:
                value = _import_name(path, place, alias.name, frame)
                frame.names[alias.asname or alias.name] = value
        return
    frame.evaluation.missing_imports += place is not None
    for alias in node.names:
        if alias.name == "*":
            frame.mark_unseen(node)
        else:
            value = Value(UNKNOWN) if node.level else external(f"{node.module}.{alias.name}")
            frame.names[alias.asname or alias.name] = value.at(frame.source(node))


def _place(node: ast.ImportFrom, frame: Frame) -> Path | None:
    """Return the path of the module, without suffix; None if it is not the project's."""
    parts = node.module.split(".") if node.module else []
    if node.level:
        directory = frame.file.parent
        for _ in range(node.level - 1):
            directory = directory.parent
        return directory.joinpath(*parts)
    for directory in frame.evaluation.search.directories:
        top = directory / parts[0]
        if module_at(top) or files.is_directory(top):
            return directory.joinpath(*parts)
    return None


def _import_all(path: Path | None, frame: Frame) -> None:
    if path is None:
        return
    names = load(path, frame.evaluation, reached=frame.reached, distance=frame.distance)
    listed = names.get("__all__", Value(UNKNOWN)).data
    if isinstance(listed, tuple):
        public = {item.data for item in listed}
    else:
        public = {name for name in names if not name.startswith("_")}
    frame.names |= {name: value for name, value in names.items() if name in public}


def _import_name(path: Path | None, place: Path, name: str, frame: Frame) -> Value:
    if path is not None and path != frame.file:
        module = _import_module(path, frame).data
        if isinstance(module, Module) and name in module.names:
            return module.names[name]
    submodule = module_at(place / name)
    return _import_module(submodule, frame) if submodule else Value(UNKNOWN)


def _import_module(path: Path, frame: Frame) -> Value:
    """Return a module that is imported by name; UNKNOWN if it is too far away or invalid."""
    distance = frame.distance + 1
    if distance > MAX_DISTANCE:
        return Value(UNKNOWN)
    try:
        names = load(path, frame.evaluation, reached=frame.reached, distance=distance)
    except ConfigInvalid:
        return Value(UNKNOWN)
    return Value(Module(names))


def include(node: ast.Call, patterns: Sequence[Value], frame: Frame) -> None:
    """``include("components/base.py", optional("local.py"))`` of django-split-settings."""
    evaluation, own_file = frame.evaluation, frame.names.get("__file__")
    for pattern in patterns:
        if not isinstance(pattern.data, str):
            frame.mark_unseen(node)
            continue
        # Path.glob raises for an absolute pattern.
        for name in sorted(glob.glob(pattern.data, root_dir=frame.file.parent)):  # noqa: PTH207
            path = frame.file.parent / name
            resolved = files.resolved(path)
            # No file is included twice, nor in itself.
            frame.included.add(files.resolved(frame.file))
            if resolved in frame.included or not files.is_file(resolved):
                continue
            frame.included.add(resolved)
            tree = files.read_python(path, evaluation.search.root)
            frame.names["__file__"] = Value(str(evaluation.place(path)))
            evaluation.execute(tree.body, replace(frame, file=path))
    if own_file is not None:
        frame.names["__file__"] = own_file
