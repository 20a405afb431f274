"""Reads the layers of the images in an archive: an OCI layout, or one of ``docker save``."""

from __future__ import annotations

import json
import posixpath
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader, RawIOBase
from typing import IO, Any, cast

from buildstatic.errors import ImageInvalid
from buildstatic.oci.documents import blob_path, is_attestation
from buildstatic.oci.layer_lookup import Image, ImageLayer
from buildstatic.oci.layer_reader import LayerEntry, open_layer
from buildstatic.oci.stream import MAX_DOCUMENT_SIZE

INDEX = "index.json"
_TAR_HEADER = 512  # bytes, with "ustar" at 257


def read_saved_images(stream: IO[bytes]) -> tuple[Image, ...]:
    """Return the images in *stream*, an OCI layout or ``docker save`` archive, one per platform.

    The stream is read once, and only documents, names and sizes are kept in memory
    (github.com/opencontainers/image-spec, image-layout.md).
    """
    documents: dict[str, Any] = {}
    links: dict[str, str] = {}
    layers: dict[str, tuple[LayerEntry, ...]] = {}
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if member.issym():
                links[member.name] = posixpath.join(posixpath.dirname(member.name), member.linkname)
            if not member.isreg():
                continue
            content = BufferedReader(cast(RawIOBase, archive.extractfile(member)))
            start = content.peek(_TAR_HEADER)
            # The first name in a layer may begin with a bracket as well.
            if start[:1] in (b"{", b"[") and start[257:262] != b"ustar":
                if member.size <= MAX_DOCUMENT_SIZE:
                    documents[member.name] = json.loads(content.read())
                continue
            entries: list[LayerEntry] = []
            with suppress(ImageInvalid), open_layer(content, member.name) as layer:
                entries.extend(layer)
            layers[member.name] = tuple(entries)
    for name, target in links.items():
        layers[name] = layers.get(posixpath.normpath(target), ())
    manifests = (
        _oci_manifests(documents, INDEX) if INDEX in documents else _legacy_manifests(documents)
    )
    return tuple(_image(documents[config], blobs, layers) for config, blobs in manifests)


def _oci_manifests(documents: dict[str, Any], name: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the paths of the configuration and layers of every manifest below the index *name*."""
    for descriptor in documents[name]["manifests"]:
        path = blob_path(descriptor["digest"])
        if path not in documents or is_attestation(descriptor):
            continue
        document = documents[path]
        if "manifests" in document:
            yield from _oci_manifests(documents, path)
        else:
            layers = [blob_path(layer["digest"]) for layer in document["layers"]]
            yield blob_path(document["config"]["digest"]), layers


def _legacy_manifests(documents: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield the same from the manifest.json of ``docker save`` before Docker 25."""
    for manifest in documents["manifest.json"]:
        yield manifest["Config"], manifest["Layers"]


def _image(
    config: dict[str, Any], paths: list[str], entries: dict[str, tuple[LayerEntry, ...]]
) -> Image:
    layers = []
    for diff_id, path in zip(config["rootfs"]["diff_ids"], paths, strict=True):
        digest = path.removeprefix("blobs/").replace("/", ":")
        is_compressed = path.startswith("blobs/") and digest != diff_id
        layers.append(ImageLayer(diff_id, digest if is_compressed else None, entries.get(path, ())))
    return Image(
        f"{config.get('os', '')}/{config.get('architecture', '')}",
        (config.get("config") or {}).get("WorkingDir") or "/",
        tuple(layers),
    )
