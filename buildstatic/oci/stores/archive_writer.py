"""Writes an image to one file, which is an OCI layout and what ``docker load`` takes at once.

Every engine and skopeo read manifest.json; index.json has all platforms of an image.
"""

from __future__ import annotations

import io
import json
import platform
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from buildstatic.atomic import replace_file
from buildstatic.errors import ImageInvalid
from buildstatic.oci.documents import (
    INDEX,
    Descriptor,
    Document,
    Index,
    Manifest,
    blob_path,
    images_in,
    parse_manifest,
)
from buildstatic.oci.reference import ArchiveReference, Reference, full_name, with_tag
from buildstatic.oci.stores.archive import CONTAINERD_NAME, MANIFEST_FILE
from buildstatic.oci.stores.base import Opener
from buildstatic.oci.stores.layout import INDEX_FILE, REF_NAME, VERSION, VERSION_FILE


@contextmanager
def write_archive(reference: ArchiveReference) -> Iterator[ArchiveTarget]:
    """Yield what writes *reference* beside its place, and takes it where the block succeeds."""
    with (
        replace_file(reference.file, mode=0o644) as output,
        tarfile.open(fileobj=output, mode="w") as archive,
    ):
        yield ArchiveTarget(reference, archive, reference.name)


class ArchiveTarget:
    """An image in an archive, to be written: its blobs as they come, the names of them last."""

    def __init__(
        self,
        reference: Reference,
        archive: tarfile.TarFile,
        name: str | None,
        platform: str | None = None,
    ) -> None:
        self.reference = reference
        self.platform = platform
        self._archive = archive
        self._name = with_tag(name) if name else None
        self._written: set[str] = set()
        self._documents: dict[str, Manifest | Index] = {}

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Tell whether the blob was written."""
        return descriptor.digest in self._written

    def mount_blob(self, descriptor: Descriptor, source: Reference) -> bool:  # noqa: ARG002
        """Return False: the archive has bytes of its own."""
        return False

    def put_blob(self, descriptor: Descriptor, content: Opener) -> None:
        """Write the blob."""
        with content() as stream:
            self._add(blob_path(descriptor.digest), stream, descriptor.size)
        self._written.add(descriptor.digest)

    def put_manifest(self, document: Document) -> None:
        """Write the manifest as the blob that it is."""
        content, descriptor = document.content, document.descriptor
        self._add(blob_path(descriptor.digest), io.BytesIO(content), len(content))
        self._written.add(descriptor.digest)
        self._documents[descriptor.digest] = parse_manifest(document, str(self.reference))

    def put_image(self, document: Document) -> None:
        """Write the manifest or the index, and what names it.

        Raises ImageInvalid where that is an image with a foreign layer.
        """
        self.put_manifest(document)
        entry = {**document.descriptor.to_json(), "annotations": self._names()}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
        self._add_file(INDEX_FILE, json.dumps(index).encode())
        self._add_file(MANIFEST_FILE, json.dumps([self._older(document)]).encode())
        self._add_file(VERSION_FILE, VERSION)

    def _names(self) -> dict[str, str]:
        if self._name is None:
            return {}
        return {CONTAINERD_NAME: full_name(self._name), REF_NAME: self._name.rpartition(":")[2]}

    def _older(self, document: Document) -> dict[str, Any]:
        """Return the entry of manifest.json, which has room for one platform alone."""
        image = self._own(document.descriptor)
        self._check_complete(image)
        return {
            "Config": blob_path(image.config.digest),
            "RepoTags": [self._name] if self._name else None,
            "Layers": [blob_path(layer.digest) for layer in image.layers],
        }

    def _check_complete(self, image: Manifest) -> None:
        for layer in image.layers:
            if not self.has_blob(layer):
                problem = f"{self.reference} must hold all of the image, and of its layer "
                problem += f"{layer.digest} the bytes are elsewhere ({layer.media_type})."
                raise ImageInvalid(problem, "Write the image to a registry or an OCI layout.")

    def _own(self, named: Descriptor) -> Manifest:
        """Return the image that is *named*: of an index this machine's, else its first."""
        found = self._documents[named.digest]
        if isinstance(found, Manifest):
            return found
        images = tuple(images_in(found, lambda each: self._documents[each.digest]))
        own = next((each for each in images if each.is_for(machine())), images[0])
        return self._own(own)

    def _add_file(self, name: str, content: bytes) -> None:
        self._add(name, io.BytesIO(content), len(content))

    def _add(self, name: str, content: IO[bytes], size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size = size
        self._archive.addfile(member, content)


def machine() -> str:
    """Return the platform of this machine, in the words of an image."""
    known = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7"}
    return f"linux/{known.get(platform.machine(), platform.machine())}"
