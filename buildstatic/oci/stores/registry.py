"""Images in a registry (github.com/opencontainers/distribution-spec, spec.md)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from oras.container import Container
from oras.utils import append_url_params
from requests import Response

from buildstatic.errors import (
    ImageInvalid,
    ImageNotFound,
    ImageReferenceInvalid,
    RegistryDenied,
)
from buildstatic.oci.documents import INDEXES, MANIFESTS, Descriptor, Document, digest_of
from buildstatic.oci.reference import Reference, RegistryReference
from buildstatic.oci.stores.base import Opener
from buildstatic.oci.stores.retry import Again, patiently
from buildstatic.oci.stores.transfer import ACCEPT, Body, Download
from buildstatic.oci.stores.transport import Transport, connect, errors, failed, location
from buildstatic.oci.stream import CHUNK, verified

BINARY = {"Content-Type": "application/octet-stream"}


@contextmanager
def read_registry(reference: RegistryReference, *, insecure: bool) -> Iterator[RegistrySource]:
    """Yield the image of *reference*; see `transport.connect` for what is raised."""
    with connect(reference, insecure=insecure) as transport:
        yield RegistrySource(reference, transport)


@contextmanager
def write_registry(reference: RegistryReference, *, insecure: bool) -> Iterator[RegistryTarget]:
    """Yield a writer of *reference*, tag last; raises ImageReferenceInvalid too."""
    if reference.digest:
        problem = f"{reference} names a digest, and an image to be written has none yet."
        raise ImageReferenceInvalid(problem, "Name a tag.")
    with connect(reference, insecure=insecure) as transport:
        yield RegistryTarget(reference, transport)


class _Repository:
    """The URLs of a repository."""

    def __init__(self, reference: RegistryReference, transport: Transport) -> None:
        self.reference = reference
        self.transport = transport
        # oras takes a registry only where its name has a dot or a port.
        self._container = Container(f"registry.invalid/{reference.repository}")
        self._container.registry = transport.host

    def blob(self, digest: str) -> str:
        return f"{self.transport.prefix}://{self._container.get_blob_url(digest)}"

    def manifest(self, version: str) -> str:
        return f"{self.transport.prefix}://{self._container.manifest_url(version)}"

    def uploads(self) -> str:
        return f"{self.transport.prefix}://{self._container.upload_blob_url()}"

    def has_blob(self, descriptor: Descriptor) -> bool:
        layer = {"digest": descriptor.digest}
        found: bool = self.transport.blob_exists(layer, self._container)
        return found


class RegistrySource:
    """An image in a registry, to be read."""

    def __init__(self, reference: RegistryReference, transport: Transport) -> None:
        self.reference = reference
        self._repository = _Repository(reference, transport)
        self._transport = transport

    def resolve(self) -> Document:
        """Return the manifest or the index of the digest, else of the tag."""
        url = self._repository.manifest(self.reference.version)
        answer = self._transport.request("GET", url, headers=ACCEPT)
        if answer.status_code == 404:
            raise ImageNotFound(f"{self.reference}: the registry has no such image.")
        if answer.status_code != 200:
            raise failed(self.reference.registry, answer)
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        content: bytes = answer.content
        return Document(self._descriptor(media_type, content, answer), content)

    def _descriptor(self, media_type: str, content: bytes, answer: Response) -> Descriptor:
        digest = digest_of(content)
        said = self.reference.digest or answer.headers.get("Docker-Content-Digest", digest)
        if said != digest and said.startswith("sha256:"):
            problem = f"{self.reference}: the registry sends {digest} for {said}."
            raise ImageInvalid(problem)
        return Descriptor(media_type, digest, len(content))

    @contextmanager
    def open_blob(self, descriptor: Descriptor) -> Iterator[IO[bytes]]:
        """Open a blob; where the connection is cut, it is read on from there."""
        is_manifest = descriptor.media_type in (*INDEXES, *MANIFESTS)
        place = self._repository.manifest if is_manifest else self._repository.blob
        with Download(self._transport, place(descriptor.digest), descriptor) as download:
            stream = io.BufferedReader(download, CHUNK)
            yield verified(stream, descriptor, str(self.reference))

    @contextmanager
    def open_file(self, descriptor: Descriptor) -> Iterator[None]:  # noqa: ARG002
        """Yield None: a blob of a registry is on no disk of ours."""
        yield None


class RegistryTarget:
    """An image in a registry, to be written."""

    platform = None

    def __init__(self, reference: RegistryReference, transport: Transport) -> None:
        self.reference = reference
        self._repository = _Repository(reference, transport)
        self._transport = transport
        self._sessions: dict[str, str] = {}

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Ask the registry whether the repository has the blob."""
        return self._repository.has_blob(descriptor)

    def mount_blob(self, descriptor: Descriptor, source: Reference) -> bool:
        """Take the blob from another repository of the registry (spec.md, "Mounting")."""
        if not isinstance(source, RegistryReference) or source.registry != self.reference.registry:
            return False
        wanted = {"mount": descriptor.digest, "from": source.repository}
        url = append_url_params(self._repository.uploads(), wanted)
        try:
            answer = self._transport.request("POST", url)
        except RegistryDenied:
            return False
        if answer.status_code == 202:
            self._sessions[descriptor.digest] = location(answer)
        return bool(answer.status_code == 201)

    def put_blob(self, descriptor: Descriptor, content: Opener) -> None:
        """Send the blob, from its beginning where an attempt fails."""
        patiently(lambda: self._upload(descriptor, content))

    def put_manifest(self, document: Document) -> None:
        """Send the manifest under its digest."""
        self._put(document, document.descriptor.digest)

    def put_image(self, document: Document) -> None:
        """Send the manifest or the index under the tag."""
        self._put(document, self.reference.version)

    def _upload(self, descriptor: Descriptor, content: Opener) -> None:
        url = append_url_params(self._session(descriptor), {"digest": descriptor.digest})
        with content() as stream:
            body = Body(stream, descriptor.size) if descriptor.size else b""
            answer = self._transport.once("PUT", url, data=body, headers=BINARY)
        if answer.status_code == 201:
            return
        failure = failed(self.reference.registry, answer)
        lost = {"DIGEST_INVALID", "BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"}
        if lost & {error["code"] for error in errors(answer)}:
            raise Again(failure)
        raise failure

    def _session(self, descriptor: Descriptor) -> str:
        """Return where to send the blob: where a mount has left off, else anew."""
        known = self._sessions.pop(descriptor.digest, None)
        if known:
            return known
        answer = self._transport.once("POST", self._repository.uploads())
        if answer.status_code != 202:
            raise failed(self.reference.registry, answer)
        return location(answer)

    def _put(self, document: Document, version: str) -> None:
        url = self._repository.manifest(version)
        headers = {"Content-Type": document.descriptor.media_type}
        answer = self._transport.request("PUT", url, data=document.content, headers=headers)
        if answer.status_code != 201:
            raise failed(self.reference.registry, answer)
