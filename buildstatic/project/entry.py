"""The project's manage.py: in the root, or at most two levels below."""

from __future__ import annotations

from pathlib import Path

from buildstatic.errors import ProjectNotFound
from buildstatic.project import files

DEPTH = 2


def find(root: Path, named: str | None) -> Path:
    """Return the path of manage.py: *named* (relative to *root*), or the shallowest below *root*.

    Raises `ProjectNotFound`, and `ProjectNotFound` where several are equally deep.
    """
    if named is not None:
        return _named(root, named)
    level = [root]
    for _ in range(DEPTH + 1):
        found = [path for place in level if files.is_file(path := place / "manage.py")]
        if found:
            return _only(found, root)
        level = [below for place in level for below in files.subdirectories(place)]
    problem = f"There is no manage.py in {root} or two levels below."
    raise ProjectNotFound(problem, "Name the project's directory, or the file with --manage.")


def _only(found: list[Path], root: Path) -> Path:
    if len(found) == 1:
        return found[0]
    names = [files.relative(path, root) for path in found]
    problem = f"There are several projects here: {', '.join(names)}."
    raise ProjectNotFound(problem, f"Name one: --manage {names[0]}")


def _named(root: Path, named: str) -> Path:
    path = root / named
    if files.is_file(path / "manage.py"):
        path = path / "manage.py"
    if not files.is_file(path):
        raise ProjectNotFound(f"There is no {named} in {root}.", "Name the file with --manage.")
    if not path.resolve().is_relative_to(root):
        problem = f"{named} is outside of {root}, so an image built there would not have it."
        raise ProjectNotFound(problem, "Name a directory that holds it as the project's.")
    return path.parent.resolve() / path.name
