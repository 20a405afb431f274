"""Says what the static layer of a built image is, wherever the builder has put the image."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildstatic.builders import buildx
from buildstatic.builders.request import BuildRequest
from buildstatic.oci.archive import Image, read_archive
from buildstatic.oci.static_layer import StaticLayer
from buildstatic.oci.stream import stream_chunks

if TYPE_CHECKING:
    from docker import DockerClient


def from_engine(client: DockerClient, name: str) -> tuple[Image, ...]:
    """Return the image *name* (a tag or an id) of the engine's store, one for each platform."""
    return read_archive(stream_chunks(client.api.get_image(name)))


def from_builder(request: BuildRequest) -> tuple[Image, ...]:
    """Return the image that *request* has built in a builder whose store is its own."""
    with tempfile.TemporaryDirectory(prefix="buildstatic-") as directory:
        archive = Path(directory, "image.tar")
        for _ in buildx.save_oci(request, archive):
            pass
        with archive.open("rb") as stream:
            return read_archive(stream)


def layers_of(client: DockerClient, tag: str) -> tuple[str, ...]:
    """Return the diffIDs of the image that has *tag* now, none if there is no such image."""
    from docker.errors import ImageNotFound

    try:
        image = client.images.get(tag)
    except ImageNotFound:
        return ()
    return tuple(image.attrs["RootFS"].get("Layers") or ())


def with_registry_digest(layer: StaticLayer, diff_ids: Sequence[str], tag: str) -> StaticLayer:
    """Return *layer* with the digest of its blob in the registry that *tag* is in.

    *diff_ids* are those of all layers of the image, from the base up.
    """
    if layer.digest:
        return layer
    position = diff_ids.index(layer.diff_id)
    manifest = buildx.registry_manifest(tag) or {}
    blobs: list[dict[str, Any]] = manifest.get("layers") or []
    if len(blobs) != len(diff_ids):
        return layer
    return dataclasses.replace(layer, digest=blobs[position]["digest"])
