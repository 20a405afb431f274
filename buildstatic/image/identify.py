"""Says what the static layer of a built image is, wherever the builder has put the image."""

from __future__ import annotations

import dataclasses
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildstatic.image.archive import Image, read_archive
from buildstatic.image.builders import buildx
from buildstatic.image.request import BuildRequest
from buildstatic.image.static_layer import StaticLayer

if TYPE_CHECKING:
    from docker import DockerClient


def from_engine(client: DockerClient, name: str) -> tuple[Image, ...]:
    """Return the image *name* (a tag or an id) of the engine's store, one for each platform."""
    return read_archive(io.BufferedReader(_Stream(client.api.get_image(name)), 1 << 20))


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


def with_registry_digest(layer: StaticLayer, image: Image, tag: str) -> StaticLayer:
    """Return *layer* of *image* with the digest of its blob in the registry that *tag* is in."""
    if layer.digest:
        return layer
    position = [each.diff_id for each in image.layers].index(layer.diff_id)
    manifest = buildx.registry_manifest(tag) or {}
    blobs: list[dict[str, Any]] = manifest.get("layers") or []
    if len(blobs) != len(image.layers):
        return layer
    return dataclasses.replace(layer, digest=blobs[position]["digest"])


class _Stream(io.RawIOBase):
    """The chunks of a response as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._chunks, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count
