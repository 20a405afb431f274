"""Extracts the compressed variants of an earlier image, for builds without a lasting cache."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from zipfile import ZipFile, ZipInfo

from buildstatic.collect.codecs import FORMATS
from buildstatic.collect.earlier_variants import member_name
from buildstatic.errors import ImageInvalid, StaticLayerNotFound
from buildstatic.oci.layer_reader import LayerEntry, LayerReader, open_layer
from buildstatic.oci.reference import Reference
from buildstatic.oci.static_layer import copied_layers, marked_layers
from buildstatic.oci.stores import open_source
from buildstatic.oci.stores.base import first_manifest, read_config

MAX_VARIANT_SIZE = 1 << 30  # bytes; a larger file is compressed again
SUFFIXES = tuple(f".{suffix}" for suffix in (*FORMATS, "zstd"))


def extract_variants(image: Reference, tree: str, archive: Path, *, insecure: bool = False) -> int:
    """Write the variants below *tree*, an absolute path in *image*, into the file *archive*.

    Returns their number: one for each content and format. They are those of the marked static
    layer, else of the last layer that was copied to the root and has any, else of the last one that
    has any. A variant whose original does not precede it in the layer is left out. The caller has
    to compare them with the files that they are variants of.

    Raises StaticLayerNotFound if no layer has any, ImageInvalid if a layer cannot be read or has
    an entry that leads out of it, and the errors of the stores.
    """
    name = str(image)
    with open_source(image, insecure=insecure) as source:
        manifest = first_manifest(source)
        config = read_config(source, manifest)
        copied = reversed([*copied_layers(manifest, config, name)])
        candidates = dict.fromkeys((*copied, *reversed(range(len(manifest.layers)))))
        for index in marked_layers(manifest, config, name) or candidates:
            layer = manifest.layers[index]
            if layer.is_foreign:
                continue
            with source.open_blob(layer) as blob:
                count = _extract(blob, tree.strip("/"), archive, f"{layer.digest} of {name}")
            if count:
                return count
    raise StaticLayerNotFound(f"No layer of {name} has a compressed variant below {tree}.")


def _extract(stream: IO[bytes], tree: str, archive: Path, source: str) -> int:
    """Write the variants in the layer *stream* and return their number."""
    digests: dict[str, str] = {}
    written: set[str] = set()
    try:
        with ZipFile(archive, "w") as variants, open_layer(stream, source) as layer:
            for entry in layer:
                if ".." in entry.name.split("/"):
                    problem = f"The layer {source} has an entry outside of it: {entry.name!r}."
                    raise ImageInvalid(problem, "Do not use that image.")
                if not entry.path.startswith(f"{tree}/"):
                    continue
                path, suffix = posixpath.splitext(entry.path)
                if suffix not in SUFFIXES:
                    if digest := _digest(layer, entry, digests):
                        digests[entry.path] = digest
                elif original := digests.get(path):
                    name = member_name(original, suffix.removeprefix("."))
                    if name not in written and _add(layer, entry, variants, name):
                        written.add(name)
    except OSError as error:
        raise ImageInvalid(f"Cannot read the layer {source}: {error}.") from error
    return len(written)


def _digest(layer: LayerReader, entry: LayerEntry, digests: Mapping[str, str]) -> str | None:
    """Return the SHA-256 of a file or hard link, None for any other entry."""
    if entry.kind == "link":
        return digests.get(entry.target)
    if entry.kind != "file":
        return None
    digest = hashlib.sha256()
    for chunk in layer.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def _add(layer: LayerReader, entry: LayerEntry, archive: ZipFile, name: str) -> bool:
    """Add *entry* as the member *name* unless it is no file, as a link to one that was added.

    Returns whether it was added.
    """
    if entry.kind != "file" or entry.size > MAX_VARIANT_SIZE:
        return False
    member = ZipInfo(name)  # of 1980
    member.file_size = entry.size
    with archive.open(member, "w") as file:
        file.writelines(layer.chunks())
    return True
