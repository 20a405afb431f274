"""Find a project's manage.py, and the settings module that it names."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

from buildstatic.errors import ProjectNotFound

SETTINGS_VARIABLE = "DJANGO_SETTINGS_MODULE"
MAX_DEPTH = 2
# Directories that never hold a project's own code.
SKIPPED_DIRECTORIES = frozenset(
    {
        "venv",
        "env",
        "virtualenv",
        "node_modules",
        "bower_components",
        "site-packages",
        "dist-packages",
        "vendor",
        "vendored",
        "third_party",
        "build",
        "dist",
        "__pycache__",
    }
)


def find_manage_py(root: Path) -> Path:
    """Return the manage.py in *root*, or the one closest to it, at most two levels below.

    Raises `ProjectNotFound` if there is none, or if several are at the same depth.
    """
    found = manage_py_candidates(root)
    if not found:
        problem = f"No manage.py found in {root} or up to {MAX_DEPTH} levels below it."
        advice = "Run buildstatic in the project's directory, or set --manage FILE."
        raise ProjectNotFound(problem, advice)
    if len(found) > 1:
        names = [path.relative_to(root).as_posix() for path in found]
        problem = f"Several projects found in {root}: {', '.join(names)}."
        raise ProjectNotFound(problem, f"Choose one: --manage {names[0]}")
    return found[0]


def manage_py_candidates(root: Path) -> list[Path]:
    """Return every manage.py at the smallest depth below *root* that has one, sorted."""
    level = [root]
    for _ in range(MAX_DEPTH + 1):
        if found := [path for place in level if os.path.isfile(path := place / "manage.py")]:
            return found
        level = [below for place in level for below in subdirectories(place)]
    return []


def subdirectories(directory: Path) -> list[Path]:
    """Return the directories in *directory* that may hold the project's own code, sorted.

    Hidden and vendored directories, build output, virtual environments (`pyvenv.cfg`) and symbolic
    links are left out. A *directory* that cannot be read has none.
    """
    try:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [
        directory / name
        for name in names
        if not name.startswith(".")
        and name not in SKIPPED_DIRECTORIES
        and not os.path.isfile(directory / name / "pyvenv.cfg")
    ]


def settings_modules(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each settings module that the source *tree* of a manage.py names, and its line.

    Found are ``os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"`` and calls such as
    ``os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")``.
    """
    for node in ast.walk(tree):
        match node:
            case (
                ast.Call(args=[ast.Constant(value=name), ast.Constant(value=str(module))])
                | ast.Assign(
                    targets=[ast.Subscript(slice=ast.Constant(value=name))],
                    value=ast.Constant(value=str(module)),
                )
            ) if name == SETTINGS_VARIABLE:
                yield module, node.lineno
