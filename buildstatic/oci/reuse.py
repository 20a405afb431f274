"""Extracts the compressed variants of an earlier image, for builds without a lasting cache."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import IO

from buildstatic.collect.codecs import FORMATS
from buildstatic.errors import ImageInvalid, StaticLayerNotFound
from buildstatic.oci.layer_reader import LayerEntry, LayerReader, open_layer
from buildstatic.oci.reference import Reference
from buildstatic.oci.static_layer import marked_layers
from buildstatic.oci.stores import open_source
from buildstatic.oci.stores.base import first_manifest, read_config

MAX_VARIANT_SIZE = 1 << 30  # bytes; a larger file is compressed again
SUFFIXES = tuple(f".{suffix}" for suffix in (*FORMATS, "zstd"))


def extract_variants(image: Reference, tree: str, target: Path, *, insecure: bool = False) -> int:
    """Write the variants below *tree*, an absolute path in *image*, into the directory *target*.

    Returns their number. They are those of the marked static layer, else of the last layer that has
    any. Nothing else is written: no symlink, no file outside *tree*. The caller has to compare them
    with the files that they are variants of.

    Raises StaticLayerNotFound if no layer has any, ImageInvalid if a layer cannot be read or has
    an entry that leads out of it, and the errors of the stores.
    """
    name, root = str(image), PurePosixPath(tree.strip("/"))
    with open_source(image, insecure=insecure) as source:
        manifest = first_manifest(source)
        marked = marked_layers(manifest, read_config(source, manifest), name)
        for index in marked or reversed(range(len(manifest.layers))):
            layer = manifest.layers[index]
            if layer.is_foreign:
                continue
            with source.open_blob(layer) as blob:
                count = _extract(blob, root, target, f"{layer.digest} of {name}")
            if count:
                return count
    raise StaticLayerNotFound(f"No layer of {name} has a compressed variant below {tree}.")


def _extract(stream: IO[bytes], tree: PurePosixPath, target: Path, source: str) -> int:
    """Write the variants in the layer *stream* and return their number."""
    written: dict[str, Path] = {}
    try:
        with open_layer(stream, source) as layer:
            for entry in layer:
                if ".." in entry.name.split("/"):
                    problem = f"The layer {source} has an entry outside of it: {entry.name!r}."
                    raise ImageInvalid(problem, "Do not use that image.")
                path = PurePosixPath(entry.path)
                if path.suffix in SUFFIXES and path.is_relative_to(tree):
                    _write(layer, entry, target / path.relative_to(tree), written)
    except OSError as error:
        raise ImageInvalid(f"Cannot read the layer {source}: {error}.") from error
    return len(written)


def _write(layer: LayerReader, entry: LayerEntry, target: Path, written: dict[str, Path]) -> None:
    """Write a file, or a hard link to one that was written; skip any other entry."""
    first = written.get(entry.target) if entry.kind == "link" else None
    if entry.path in written or not (first or entry.kind == "file"):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if first:
        os.link(first, target)
    else:
        if entry.size > MAX_VARIANT_SIZE:
            return
        with target.open("xb") as file:
            file.writelines(layer.chunks())
    written[entry.path] = target
