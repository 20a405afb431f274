"""What ``--clear`` and ``--prune`` may remove: collected files, and nothing of the project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from buildstatic.collect.layer_root import local_directories
from buildstatic.collect.request import Request
from buildstatic.collect.sources import Source
from buildstatic.errors import StaticRootInvalid

# Part of the names of the backends that keep a database in a file.
_FILE_BACKENDS = ("sqlite", "spatialite")


def check_clear(request: Request, storage: Any, sources: Iterable[Source]) -> None:
    """Raise `StaticRootInvalid` if ``--clear`` or ``--prune`` would remove what it may not."""
    option = "--clear" if request.options.clear else "--prune" if request.options.prune else ""
    if option:
        kept = {"the project": request.root, "manage.py": request.manage.parent}
        for tree in local_directories(storage)[:1]:
            check_removal(option, tree, kept, sources)


def check_removal(
    option: str, tree: Path, kept: Mapping[str, Path], sources: Iterable[Source]
) -> None:
    """Raise `StaticRootInvalid` if *option* would remove more than collected files.

    ``--clear`` and ``--prune`` remove what is in *tree* and was not collected now, so it may
    neither be nor contain what is *kept* (by description), the project's data, or a directory of
    *sources*.
    """
    real = tree.resolve()
    locations = {getattr(source.storage, "location", None) for source in sources}
    places = {f"sources ({place})": Path(place) for place in sorted(filter(None, locations))}
    for what, path in {**kept, **_project_data(), **places}.items():
        if path.resolve() == real or real in path.resolve().parents:
            problem = f"{option} would remove {what}: files are collected to {tree}."
            raise StaticRootInvalid(problem, "Set STATIC_ROOT to a directory of its own.")


def _project_data() -> dict[str, Path]:
    """Return ``MEDIA_ROOT`` and the files of databases, by description."""
    from django.conf import settings

    kept = {}
    for alias, database in settings.DATABASES.items():
        name = str(database.get("NAME") or "")
        if name.startswith("file:"):  # a URI: sqlite.org/uri.html
            name = name.removeprefix("file:").partition("?")[0]
        is_file = any(word in str(database.get("ENGINE", "")) for word in _FILE_BACKENDS)
        if is_file and name and not name.startswith(":"):
            kept[f"the database {alias}"] = Path(name)
    if settings.MEDIA_ROOT:
        kept["MEDIA_ROOT"] = Path(settings.MEDIA_ROOT)
    return kept
