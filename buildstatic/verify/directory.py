"""Reads a directory: a collected tree, or a layer root with one in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from buildstatic.errors import StaticLayerNotFound
from buildstatic.oci.layer_reader import LayerEntry
from buildstatic.oci.layer_writer import MANIFEST, read_error
from buildstatic.verify.content import Directory
from buildstatic.verify.tree import Tree, none_found

_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink"}


def read_directory(root: Path, static_root: str | None) -> Tree:
    """Return the tree in *root*.

    With a *static_root*, or a manifest further down alone, *root* is a layer root. In a collected
    tree symbolic links to files are files (``collect --link``); in a layer root none is followed.
    Raises StaticLayerNotFound where a layer root has no static files, or several trees, and
    FileError where a directory cannot be looked into.
    """
    inside = _tree_in(root, static_root)
    is_layer = inside is not None
    members = tuple(_members(root, is_layer))
    has_owners = is_layer and os.geteuid() == 0
    return Tree(str(root), inside or "", members, Directory(root), is_layer, has_owners)


def _tree_in(root: Path, static_root: str | None) -> str | None:
    if static_root is not None:
        inside = os.path.normpath(static_root).strip("/")
        if inside.startswith("..") or not (root / inside).is_dir():
            raise StaticLayerNotFound(f"{root} has no directory {static_root}.")
        return "" if inside == "." else inside
    if (root / MANIFEST).is_file():
        return None
    found = [Path(directory) for directory, _, files in _walk(root) if MANIFEST in files]
    if len(found) > 1:
        raise none_found(str(root))
    return found[0].relative_to(root).as_posix() if found else None


def _walk(root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    def refuse(error: OSError) -> None:
        name = os.path.relpath(error.filename, root)
        raise read_error(
            os.fsencode(root), b"" if name == "." else os.fsencode(name), error
        ) from error

    return os.walk(root, onerror=refuse)


def _members(root: Path, is_layer: bool) -> Iterator[LayerEntry]:
    """Yield what is below *root*, sorted; a second name of a file is a hard link to the first."""
    first: dict[tuple[int, int], str] = {}
    for directory, directories, files in _walk(root):
        directories.sort()
        for name in sorted((*directories, *files)):
            path = Path(directory, name)
            yield _member(path, path.relative_to(root).as_posix(), first, is_layer)


def _member(
    place: Path, path: str, first: dict[tuple[int, int], str], is_layer: bool
) -> LayerEntry:
    found = place.lstat()
    if not is_layer and place.is_symlink() and place.is_file():
        found = place.stat()
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), "other")
    target = str(place.readlink()) if kind == "symlink" else ""
    if kind == "file" and found.st_nlink > 1:
        target = first.setdefault((found.st_dev, found.st_ino), path)
        kind, target = ("file", "") if target == path else ("link", target)
    return LayerEntry(
        path,
        kind,
        found.st_size if kind == "file" else 0,
        path,
        stat.S_IMODE(found.st_mode),
        found.st_uid,
        found.st_gid,
        found.st_mtime_ns / 1e9,
        target,
    )
