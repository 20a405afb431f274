"""What a layer root may not be, and where the files of a layer may not stand."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from buildstatic.collect.places import Places, inside
from buildstatic.collect.sources import Source
from buildstatic.errors import StaticRootInvalid

SHARED = 0o775


def check_root(root: Path, project: Path, places: Places) -> None:
    """Refuse a layer root that would bury something else, or that holds something else.

    *root* is emptied where *places* stand in it, so it may not be ``/``, the *project*, a parent
    of it, or a place itself; and since all that is in it becomes the layer, it may hold nothing
    but earlier content of these places.

    Raises `StaticRootInvalid`.
    """
    advice = "Give --layer-root a directory of its own, such as /layer."
    real = root.resolve()
    taken = {"the project's root": project.resolve(), "STATIC_ROOT": places.tree.resolve()}
    for what, path in taken.items():
        if real == path:
            raise StaticRootInvalid(f"The layer root {root} is {what}.", advice)
    if real in project.resolve().parents:
        raise StaticRootInvalid(f"The layer root {root} has the project in it.", advice)
    others = sorted(str(path.relative_to(root)) for path in _foreign(root, places))
    if others:
        some = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
        raise StaticRootInvalid(f"The layer root {root} holds other things: {some}.", advice)


def check_tree(
    option: str, tree: Path, kept: Mapping[str, Path], sources: Iterable[Source]
) -> None:
    """Refuse *option*, ``--clear`` or ``--prune``, where it would take more than collected files.

    Both remove what is in *tree* and was not collected now, so it may neither be nor hold any of
    what is *kept*, nor a directory of *sources*.

    Raises `StaticRootInvalid`.
    """
    real = tree.resolve()
    locations = {getattr(source.storage, "location", None) for source in sources}
    places = {f"sources ({place})": Path(place) for place in sorted(filter(None, locations))}
    for what, path in {**kept, **places}.items():
        if path.resolve() == real or real in path.resolve().parents:
            problem = f"{option} would remove {what}: files are collected to {tree}."
            raise StaticRootInvalid(problem, "Set STATIC_ROOT to a directory of its own.")


def _foreign(root: Path, places: Places) -> Iterator[Path]:
    """Yield what is in *root* beside its *places* and their parents; these may be no links."""
    own = [inside(root, place) for place in places.directories]
    for directory, directories, files in os.walk(root):
        here = Path(directory)
        if here in own:
            directories.clear()
            continue
        for child in [here / name for name in (*directories, *files)]:
            on_the_way = any(child == place or child in place.parents for place in own)
            if not on_the_way or child.is_symlink() or not child.is_dir():
                yield child
                directories[:] = [name for name in directories if name != child.name]


def check_parents(places: Places) -> None:
    """Refuse places whose parents a layer of root's plain directories would damage.

    A layer carries every parent of its files as a directory of root's, mode 0755; in the final
    image that replaces a symlink and overrides another owner or mode. So whatever exists of the
    parents, as they are spelt in the settings, must be just that. 0775 of root:root, as a checkout
    with umask 002 leaves it, is let through: 0755 does no harm there. ``/`` itself is in no layer.

    Raises `StaticRootInvalid`.
    """
    for place in places.directories:
        for parent in [*reversed(place.parents)][1:]:
            if os.path.lexists(parent):
                _check_directory(parent, place)
        if place.is_symlink() or (place != places.tree and place.exists()):
            _check_directory(place, place)


def _check_directory(directory: Path, place: Path) -> None:
    found = directory.lstat()
    if stat.S_ISLNK(found.st_mode):
        problem = f"it is a symbolic link to {os.readlink(directory)}"  # noqa: PTH115
        advice = f"Name the place without the link: {place.resolve()}"
    elif not stat.S_ISDIR(found.st_mode):
        problem = "it is not a directory"
        advice = "Set STATIC_ROOT to a place of its own, such as /app/staticfiles."
    elif not _is_plain(found):
        mode = stat.S_IMODE(found.st_mode)
        problem = f"it belongs to {found.st_uid}:{found.st_gid} with mode {mode:04o}"
        advice = (
            "Set STATIC_ROOT below directories of root's with mode 0755 (/app/staticfiles, with "
            "/app left to root), and keep what the application writes elsewhere (/data)."
        )
    else:
        return
    would = f"A layer with {place} would turn {directory} into root's directory of mode 0755; now"
    raise StaticRootInvalid(f"{would} {problem}.", advice)


def _is_plain(found: os.stat_result) -> bool:
    mode = stat.S_IMODE(found.st_mode)
    return found.st_uid == 0 and (mode == 0o755 or (mode == SHARED and found.st_gid == 0))
