"""Writes an image to one tar file that is both an OCI layout and input for ``docker load``.

manifest.json is read by every engine and by skopeo; index.json contains all platforms.
"""

from __future__ import annotations

import io
import json
import platform
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

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
    """Yield a writer of *reference*; the file is replaced if the block succeeds."""
    with (
        replace_file(reference.file, mode=0o644) as output,
        tarfile.open(fileobj=output, mode="w") as archive,
    ):
        yield ArchiveTarget(reference, archive, reference.name)


class ArchiveTarget:
    """An image in an archive, to be written."""

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
        self._manifests: dict[str, Manifest | Index] = {}

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Return whether the blob was written already."""
        return descriptor.digest in self._written

    def mount_blob(self, descriptor: Descriptor, source: Reference) -> bool:  # noqa: ARG002
        """Return False: an archive has its own content."""
        return False

    def put_blob(self, descriptor: Descriptor, content: Opener) -> None:
        """Write the blob."""
        with content() as stream:
            self._add(blob_path(descriptor.digest), stream, descriptor.size)
        self._written.add(descriptor.digest)

    def put_manifest(self, document: Document) -> None:
        """Write the manifest as a blob."""
        descriptor = document.descriptor
        self._add_bytes(blob_path(descriptor.digest), document.content)
        self._written.add(descriptor.digest)
        self._manifests[descriptor.digest] = parse_manifest(document, str(self.reference))

    def put_image(self, document: Document) -> None:
        """Write the manifest or index, then index.json and manifest.json.

        Raises ImageInvalid if the image for manifest.json has a foreign layer.
        """
        self.put_manifest(document)
        entry = document.descriptor.to_json()
        entry["annotations"] = {}
        if self._name:
            tag = self._name.rpartition(":")[2]
            entry["annotations"] = {CONTAINERD_NAME: full_name(self._name), REF_NAME: tag}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
        # manifest.json has one platform only.
        image = self._own_image(document.descriptor)
        for layer in image.layers:
            if not self.has_blob(layer):
                problem = f"{self.reference} must contain the whole image, but layer {layer.digest}"
                problem += f" is stored elsewhere ({layer.media_type})."
                raise ImageInvalid(problem, "Write the image to a registry or an OCI layout.")
        legacy = {
            "Config": blob_path(image.config.digest),
            "RepoTags": [self._name] if self._name else None,
            "Layers": [blob_path(layer.digest) for layer in image.layers],
        }
        self._add_bytes(INDEX_FILE, json.dumps(index).encode())
        self._add_bytes(MANIFEST_FILE, json.dumps([legacy]).encode())
        self._add_bytes(VERSION_FILE, VERSION)

    def _own_image(self, descriptor: Descriptor) -> Manifest:
        """Return the image, of an index the one for this machine, else the first."""
        found = self._manifests[descriptor.digest]
        if isinstance(found, Manifest):
            return found
        images = list(images_in(found, lambda entry: self._manifests[entry.digest]))
        own = next((image for image in images if image.is_for(machine())), images[0])
        return self._own_image(own)

    def _add_bytes(self, path: str, content: bytes) -> None:
        self._add(path, io.BytesIO(content), len(content))

    def _add(self, path: str, content: IO[bytes], size: int) -> None:
        member = tarfile.TarInfo(path)
        member.size = size
        self._archive.addfile(member, content)


def machine() -> str:
    """Return the platform of this machine, such as ``linux/amd64``."""
    known = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7"}
    return f"linux/{known.get(platform.machine(), platform.machine())}"
