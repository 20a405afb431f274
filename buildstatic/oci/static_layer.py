"""Finds the static layer of an image by what is in it, wherever it stands."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from buildstatic.dockerfile.generate import APP
from buildstatic.errors import StaticLayerNotFound
from buildstatic.oci.archive import Entry, Image, Layer

FILES = ("file", "link")
# OCI image-spec, layer.md, "Whiteouts"
WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
MANIFEST = "staticfiles.json"


@dataclass(frozen=True)
class StaticLayer:
    """The layer that holds the static files.

    *path* is the tree's in the image; *files* the number of its names, *bytes* what they take in
    the layer, where names of one content take it once; *older* the number of files that an
    earlier layer has in the tree and this one has not.
    """

    path: str
    files: int
    bytes: int
    diff_id: str
    digest: str | None
    older: int = 0


def find_static_layer(image: Image, static_root: str | None) -> StaticLayer:
    """Return the layer of *image* that holds the static files.

    *static_root* is relative to the project's root or absolute; where it is not known, the tree is
    where the manifest is. The layer is the one with the most files of the tree. Raises
    StaticLayerNotFound where no layer has any, or where a later one replaces what it holds.
    """
    for tree in trees_of(image, static_root):
        held = [inside(layer, tree.strip("/")) for layer in image.layers]
        if any(held):
            return _static_layer(image, tree, held)
    raise StaticLayerNotFound(
        f"No layer of the image holds a file in {static_root or 'a directory with a manifest'}.",
        "Does the final stage have COPY --link --from=static /layer/ /, "
        "and does collecting find any file?",
    )


def trees_of(image: Image, static_root: str | None) -> Iterator[str]:
    """Yield where the tree may be: the project's root is the working directory or above it."""
    if static_root is None:
        yield from _manifest_directories(image)
        return
    yield from places_of(image.working_dir, static_root)


def places_of(working_dir: str, static_root: str) -> Iterator[str]:
    """Yield where *static_root* may be in an image with the working directory *working_dir*."""
    working = PurePosixPath(working_dir)
    for root in (working, *working.parents, PurePosixPath(APP)):
        yield posixpath.normpath(root / static_root)


def _manifest_directories(image: Image) -> Iterator[str]:
    for layer in image.layers:
        for entry in layer.entries:
            directory, name = posixpath.split(entry.path)
            if name == MANIFEST and entry.kind in FILES:
                yield f"/{directory}"


def _static_layer(image: Image, tree: str, held: list[list[Entry]]) -> StaticLayer:
    best = max(range(len(held)), key=lambda index: (len(held[index]), index))
    names = {entry.path for entry in held[best]}
    _check_not_hidden(names, image.layers[best + 1 :])
    earlier = {entry.path for entries in held[:best] for entry in entries}
    layer = image.layers[best]
    size = sum(entry.size for entry in held[best])
    return StaticLayer(tree, len(names), size, layer.diff_id, layer.digest, len(earlier - names))


def inside(layer: Layer, tree: str) -> list[Entry]:
    """Return the files that *layer* has below *tree*, a path without a leading slash."""
    return [
        entry
        for entry in layer.entries
        if entry.kind in FILES
        and entry.path.startswith(f"{tree}/")
        and not posixpath.basename(entry.path).startswith(WHITEOUT)
    ]


def _check_not_hidden(names: set[str], layers: tuple[Layer, ...]) -> None:
    above = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    for later in layers:
        for entry in later.entries:
            path, is_directory = place_taken(entry)
            if path in names or (path in above and not is_directory):
                raise StaticLayerNotFound(
                    f"A later layer ({later.diff_id}) hides /{path} of the static layer.",
                    "Put COPY --link --from=static /layer/ / last in the final stage, and an old "
                    "tree into .dockerignore.",
                )


def place_taken(entry: Entry) -> tuple[str, bool]:
    """Return the path that *entry* takes the place of, and whether it leaves what is below."""
    parent, name = posixpath.split(entry.path)
    if name == OPAQUE:
        return parent or ".", False
    if name.startswith(WHITEOUT):
        return posixpath.join(parent, name.removeprefix(WHITEOUT)), False
    return entry.path, entry.kind == "dir"
