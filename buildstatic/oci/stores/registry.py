"""Images in a registry (https://github.com/opencontainers/distribution-spec/blob/main/spec.md)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import IO
from urllib.parse import urljoin

from requests import RequestException, Response
from urllib3.exceptions import HTTPError

from buildstatic.errors import (
    ImageInvalid,
    ImageNotFound,
    ImageReferenceInvalid,
    RegistryDenied,
    RegistryUnavailable,
)
from buildstatic.oci.documents import INDEXES, MANIFESTS, Descriptor, Document, digest_of
from buildstatic.oci.reference import Reference, RegistryReference
from buildstatic.oci.stores.base import Opener, missing_blob
from buildstatic.oci.stores.registry_client import (
    ATTEMPTS,
    RegistryClient,
    Transient,
    connect,
    error_details,
    with_retries,
)
from buildstatic.oci.stream import CHUNK, stream_chunks, verified

ACCEPT = {"Accept": ", ".join((*INDEXES, *MANIFESTS))}
# Errors that a new upload of the blob may avoid.
UPLOAD_LOST = {"DIGEST_INVALID", "BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"}


@contextmanager
def read_registry(reference: RegistryReference, *, insecure: bool) -> Iterator[RegistrySource]:
    """Yield the image of *reference*; raises what `registry_client.connect` raises."""
    with connect(reference, insecure=insecure) as client:
        yield RegistrySource(reference, client)


@contextmanager
def write_registry(reference: RegistryReference, *, insecure: bool) -> Iterator[RegistryTarget]:
    """Yield a writer of *reference*; raises ImageReferenceInvalid for a digest."""
    if reference.digest:
        problem = f"Cannot write to {reference}: the digest of a new image is not known yet."
        raise ImageReferenceInvalid(problem, "Use a tag.")
    with connect(reference, insecure=insecure) as client:
        yield RegistryTarget(reference, client)


class RegistrySource:
    """An image in a registry, to be read."""

    def __init__(self, reference: RegistryReference, client: RegistryClient) -> None:
        self.reference = reference
        self._client = client
        self._url = f"{client.base_url}/{reference.repository}"

    def resolve(self) -> Document:
        """Return the manifest or index of the digest, else of the tag."""
        url = f"{self._url}/manifests/{self.reference.version}"
        response = self._client.request("GET", url, headers=ACCEPT)
        if response.status_code == 404:
            raise ImageNotFound(f"{self.reference}: the registry has no such image.")
        if response.status_code != 200:
            raise self._client.unexpected(response)
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
        digest = digest_of(response.content)
        expected = self.reference.digest or response.headers.get("Docker-Content-Digest", digest)
        if expected != digest and expected.startswith("sha256:"):
            raise ImageInvalid(f"{self.reference}: the registry sends {digest} for {expected}.")
        return Document(Descriptor(media_type, digest, len(response.content)), response.content)

    @contextmanager
    def open_blob(self, descriptor: Descriptor) -> Iterator[IO[bytes]]:
        """Open a blob; a download that breaks is resumed."""
        with closing(self._download(descriptor)) as chunks:
            yield verified(stream_chunks(chunks), descriptor, str(self.reference))

    @contextmanager
    def open_file(self, descriptor: Descriptor) -> Iterator[None]:  # noqa: ARG002
        """Yield None: a registry has no local files."""
        yield None

    def _download(self, descriptor: Descriptor) -> Generator[bytes]:
        offset = failures = 0
        while True:
            with self._get(descriptor, offset) as response:
                encoding = response.headers.get("Content-Encoding", "identity")
                if encoding != "identity":
                    problem = f"{self.reference}: the registry encodes {descriptor.digest}"
                    raise ImageInvalid(f"{problem} with {encoding[:50]}.")
                # A registry that ignores the Range header starts at the beginning.
                skip = offset if response.status_code == 200 else 0
                try:
                    while chunk := response.raw.read(min(skip, CHUNK) or CHUNK):
                        if skip:
                            skip -= len(chunk)
                            continue
                        offset += len(chunk)
                        failures = 0
                        yield chunk
                    if offset >= descriptor.size:
                        return
                    raise EOFError(f"the connection ended after {offset - skip} bytes")
                except (HTTPError, RequestException, OSError, EOFError) as error:
                    failures += 1
                    if failures == ATTEMPTS:
                        raise self._client.unreachable(error) from error

    def _get(self, descriptor: Descriptor, offset: int) -> Response:
        is_manifest = descriptor.media_type in (*INDEXES, *MANIFESTS)
        url = f"{self._url}/{'manifests' if is_manifest else 'blobs'}/{descriptor.digest}"
        headers = {**ACCEPT, **({"Range": f"bytes={offset}-"} if offset else {})}
        response = self._client.request("GET", url, headers=headers, stream=True)
        if response.status_code == 404:
            response.close()
            raise missing_blob(descriptor, str(self.reference))
        if response.status_code not in (200, 206):
            raise self._client.unexpected(response)
        return response


class RegistryTarget:
    """An image in a registry, to be written."""

    platform = None

    def __init__(self, reference: RegistryReference, client: RegistryClient) -> None:
        self.reference = reference
        self._client = client
        self._url = f"{client.base_url}/{reference.repository}"
        self._started_uploads: dict[str, str] = {}

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Return whether the repository has the blob."""
        url = f"{self._url}/blobs/{descriptor.digest}"
        return self._client.request("HEAD", url).status_code == 200

    def mount_blob(self, descriptor: Descriptor, source: Reference) -> bool:
        """Mount the blob from another repository of the registry (spec.md, "Mounting")."""
        if not isinstance(source, RegistryReference) or source.registry != self.reference.registry:
            return False
        parameters = {"mount": descriptor.digest, "from": source.repository}
        try:
            response = self._client.request(
                "POST", f"{self._url}/blobs/uploads/", params=parameters
            )
        except RegistryDenied:
            return False
        if response.status_code == 202:
            self._started_uploads[descriptor.digest] = _location(response)
        return response.status_code == 201

    def put_blob(self, descriptor: Descriptor, content: Opener) -> None:
        """Upload the blob; each retry starts a new upload."""
        with_retries(lambda: self._upload(descriptor, content))

    def put_manifest(self, document: Document) -> None:
        """Upload the manifest under its digest."""
        self._put(document, document.descriptor.digest)

    def put_image(self, document: Document) -> None:
        """Upload the manifest or index under the tag."""
        self._put(document, self.reference.version)

    def _upload(self, descriptor: Descriptor, content: Opener) -> None:
        # A mount that the registry declines has started an upload.
        location = self._started_uploads.pop(descriptor.digest, None)
        if location is None:
            response = self._client.send("POST", f"{self._url}/blobs/uploads/")
            if response.status_code != 202:
                raise self._client.unexpected(response)
            location = _location(response)
        with content() as stream:
            response = self._client.send(
                "PUT",
                location,
                params={"digest": descriptor.digest},
                data=_Body(stream, descriptor.size) if descriptor.size else b"",
                headers={"Content-Type": "application/octet-stream"},
            )
        if response.status_code != 201:
            codes = {code for code, _ in error_details(response)}
            failure = self._client.unexpected(response)
            raise Transient(failure) if codes & UPLOAD_LOST else failure

    def _put(self, document: Document, version: str) -> None:
        url = f"{self._url}/manifests/{version}"
        headers = {"Content-Type": document.descriptor.media_type}
        response = self._client.request("PUT", url, data=document.content, headers=headers)
        if response.status_code != 201:
            raise self._client.unexpected(response)


class _Body:
    """A request body of *size* bytes that is read from *stream* in chunks."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._stream.read(CHUNK):
            yield chunk


def _location(response: Response) -> str:
    """Return the upload URL in *response*; raises RegistryUnavailable if there is none."""
    location = response.headers.get("Location")
    if not location:
        raise RegistryUnavailable(f"{response.url}: the response has no Location for the upload.")
    return urljoin(response.url, location)
