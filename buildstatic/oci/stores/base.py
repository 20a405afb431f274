"""The interface of image stores: one image to be read, one image to be written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import IO, Protocol

from buildstatic.errors import ImageInvalid, StaticLayerNotFound
from buildstatic.oci.documents import (
    CONFIGS,
    INDEXES,
    MANIFESTS,
    Descriptor,
    Document,
    ImageConfig,
    Index,
    Manifest,
    images_in,
    parse_config,
    parse_json,
    parse_manifest,
)
from buildstatic.oci.reference import EngineReference, Reference
from buildstatic.oci.stream import FileSlice, read_document

Opener = Callable[[], AbstractContextManager[IO[bytes]]]


class ImageSource(Protocol):
    """An image in a store, to be read. All content is verified against its digest."""

    @property
    def reference(self) -> Reference:
        """The reference that the image was opened with."""

    def resolve(self) -> Document:
        """Return the manifest or index of the reference; raises ImageNotFound."""

    def open_blob(self, descriptor: Descriptor) -> AbstractContextManager[IO[bytes]]:
        """Open a blob, or a manifest that an index lists, as a stream.

        Opening or reading raises ImageInvalid if it is missing or does not match its digest.
        """

    def open_file(self, descriptor: Descriptor) -> AbstractContextManager[FileSlice | None]:
        """Open the local file that contains a blob; None if the store has no local files.

        The content is not verified. Raises ImageInvalid if the blob is missing.
        """


class ImageTarget(Protocol):
    """An image in a store, to be written: first blobs, then manifests, the image's own last.

    The reference keeps its previous meaning until `put_image` returns.
    """

    @property
    def reference(self) -> Reference:
        """The reference that the image is written to."""

    @property
    def platform(self) -> str | None:
        """The only platform that the store accepts, as ``os/architecture``; None for any."""

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Return whether the store already has the blob."""

    def mount_blob(self, descriptor: Descriptor, source: Reference) -> bool:
        """Mount the blob from *source* without a transfer; return whether that succeeded."""

    def put_blob(self, descriptor: Descriptor, content: Opener) -> None:
        """Store the blob.

        *content* opens a verified stream of it; it is called again for each retry.
        """

    def put_manifest(self, document: Document) -> None:
        """Store a manifest that the image's index lists."""

    def put_image(self, document: Document) -> None:
        """Store the image's own manifest or index, and point the reference to it."""


def read_blob(source: ImageSource, descriptor: Descriptor) -> Document:
    """Return a manifest, index or configuration; raises ImageInvalid."""
    with source.open_blob(descriptor) as stream:
        return Document(descriptor, read_document(stream, descriptor, str(source.reference)))


def read_config(source: ImageSource, manifest: Manifest) -> ImageConfig:
    """Return the configuration of *manifest*; raises ImageInvalid."""
    where = f"{source.reference}: the configuration {manifest.config.digest}"
    return parse_config(read_blob(source, manifest.config), where)


def has_entry(source: ImageSource, entry: Descriptor) -> bool:
    """Return whether *source* contains the manifest of an index's *entry*.

    An engine may have pulled only some platforms of an index that it saves completely. For other
    stores this returns True: a missing manifest is an error when it is read.
    """
    if not isinstance(source.reference, EngineReference):
        return True
    try:
        with source.open_file(entry):
            return True
    except ImageInvalid:
        return False


def read_image(source: ImageSource, entry: Descriptor) -> Document | None:
    """Return the manifest or nested index of an index's *entry*.

    None if it is a signature or another artifact, or if *source* does not contain it.
    """
    if entry.media_type not in (*INDEXES, *MANIFESTS) or not has_entry(source, entry):
        return None
    document = read_blob(source, entry)
    config = parse_json(document.content, str(source.reference)).get("config")
    is_artifact = isinstance(config, dict) and config.get("mediaType") not in CONFIGS
    return None if is_artifact and entry.media_type in MANIFESTS else document


def available_images(source: ImageSource, index: Index) -> Iterator[Descriptor]:
    """Yield the images of *index* and of its nested indexes that *source* contains."""

    def read(entry: Descriptor) -> Manifest | Index:
        if not has_entry(source, entry):
            return Index(entry.media_type, ())
        return parse_manifest(read_blob(source, entry), str(source.reference))

    return (image for image in images_in(index, read) if has_entry(source, image))


def first_manifest(source: ImageSource) -> Manifest:
    """Return the manifest of the first platform: all platforms have the same static files.

    Raises ImageNotFound, ImageInvalid, and StaticLayerNotFound for an index without an image.
    """
    name = str(source.reference)
    parsed = parse_manifest(source.resolve(), name)
    if isinstance(parsed, Index):
        first = next(available_images(source, parsed), None)
        parsed = parse_manifest(read_blob(source, first), name) if first else parsed
    if isinstance(parsed, Index):
        raise StaticLayerNotFound(f"{name} is an index without an image.")
    return parsed


def missing_blob(descriptor: Descriptor, where: str) -> ImageInvalid:
    """Return the error for a blob that the store *where* does not contain."""
    problem = f"{where}: the blob {descriptor.digest} is missing."
    return ImageInvalid(problem, "Build or pull the image again.")
