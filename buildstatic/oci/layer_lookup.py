"""Finds the static layer of an image by its content."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from buildstatic.dockerfile import APP
from buildstatic.errors import StaticLayerNotFound
from buildstatic.oci.layer_reader import FILES, WHITEOUT, LayerEntry, replaced_path
from buildstatic.oci.layer_writer import MANIFEST


@dataclass(frozen=True)
class ImageLayer:
    """A layer: *diff_id* of its tar, and *digest* of the blob if that is compressed, else None."""

    diff_id: str
    digest: str | None
    entries: tuple[LayerEntry, ...]


@dataclass(frozen=True)
class Image:
    """The image of one platform, with its layers from the base up."""

    platform: str
    working_dir: str
    layers: tuple[ImageLayer, ...]


@dataclass(frozen=True)
class StaticLayer:
    """The layer that holds the static files.

    *path* is the tree's in the image. *files* is the number of its file names, *bytes* their size;
    hard links count once. *older* is the number of files of the tree that are in earlier layers
    only.
    """

    path: str
    files: int
    bytes: int
    diff_id: str
    digest: str | None
    older: int = 0


def find_in_images(
    images: Sequence[Image], static_root: str | None, *, required: bool = True
) -> StaticLayer | None:
    """Return the static layer of the first of *images*, which are one for each platform.

    Raises StaticLayerNotFound if one of them has none and it is *required*.
    """
    try:
        layers = [find_static_layer(image, static_root) for image in images]
    except StaticLayerNotFound:
        if required:
            raise
        return None
    return layers[0]


def find_static_layer(image: Image, static_root: str | None) -> StaticLayer:
    """Return the layer of *image* that holds the static files.

    *static_root* is absolute or relative to the project's root; if it is None, the tree is where
    the manifest is. Raises StaticLayerNotFound if no layer has a file of it, or if a later layer
    hides one.
    """
    located = locate_static_files(image, static_root)
    if located is None:
        raise StaticLayerNotFound(
            f"No layer of the image has a file in {static_root or 'a directory with a manifest'}.",
            "Check that the final stage has COPY --link --from=static /layer/ / "
            "and that collecting finds files.",
        )
    index, tree = located
    layer = image.layers[index]
    entries = files_below(layer, tree.strip("/"))
    names = {entry.path for entry in entries}
    parents = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    for later in image.layers[index + 1 :]:
        for entry in later.entries:
            path, keeps_content = replaced_path(entry)
            if path in names or (path in parents and not keeps_content):
                raise StaticLayerNotFound(
                    f"A later layer ({later.diff_id}) hides /{path} of the static layer.",
                    "Add an earlier tree to .dockerignore, or move COPY --link --from=static "
                    "/layer/ / to the end of the final stage.",
                )
    earlier = {
        entry.path for each in image.layers[:index] for entry in files_below(each, tree.strip("/"))
    }
    size = sum(entry.size for entry in entries)
    return StaticLayer(tree, len(names), size, layer.diff_id, layer.digest, len(earlier - names))


def locate_static_files(image: Image, static_root: str | None) -> tuple[int, str] | None:
    """Return the index of the layer with most static files, and the absolute path of their tree.

    The topmost of several such layers; None if no layer has a file. *static_root* is that of
    `find_static_layer`.
    """
    if static_root is None:
        trees: Iterator[str] = (
            f"/{posixpath.dirname(entry.path)}"
            for layer in image.layers
            for entry in layer.entries
            if posixpath.basename(entry.path) == MANIFEST and entry.kind in FILES
        )
    else:
        trees = static_root_candidates(image.working_dir, static_root)
    for tree in trees:
        counts = [len(files_below(layer, tree.strip("/"))) for layer in image.layers]
        if any(counts):
            return max(range(len(counts)), key=lambda index: (counts[index], index)), tree
    return None


def static_root_candidates(working_dir: str, static_root: str) -> Iterator[str]:
    """Yield the possible absolute paths of *static_root* in an image.

    The project's root is the image's working directory or one of its parents.
    """
    working = PurePosixPath(working_dir)
    for root in (working, *working.parents, PurePosixPath(APP)):
        yield posixpath.normpath(root / static_root)


def files_below(layer: ImageLayer, tree: str) -> list[LayerEntry]:
    """Return the files that *layer* has below *tree*, a path without a leading slash."""
    return [
        entry
        for entry in layer.entries
        if entry.kind in FILES
        and entry.path.startswith(f"{tree}/")
        and not posixpath.basename(entry.path).startswith(WHITEOUT)
    ]
