"""The bytes of a blob on their way to a registry and from it, a chunk at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, Any

from requests import Response
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from buildstatic.oci.documents import INDEXES, MANIFESTS, Descriptor
from buildstatic.oci.stores.base import missing_blob
from buildstatic.oci.stores.retry import Again, patiently
from buildstatic.oci.stores.transport import Transport, failed, unreachable
from buildstatic.oci.stream import CHUNK

ACCEPT = {"Accept": ", ".join((*INDEXES, *MANIFESTS))}


class Body:
    """What is sent of a stream, a chunk at a time; its length goes before it."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._stream.read(CHUNK):
            yield chunk


class Download(io.RawIOBase):
    """The bytes at a URL, asked for anew from where they stopped."""

    def __init__(self, transport: Transport, url: str, descriptor: Descriptor) -> None:
        self._transport = transport
        self._url = url
        self._descriptor = descriptor
        self._at = 0
        self._answer = self._open()

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill *buffer* as far as there is something; raises RegistryUnavailable."""
        chunk: bytes = patiently(lambda: self._read(len(buffer)))
        buffer[: len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)

    def close(self) -> None:
        """End the connection."""
        if not self.closed:
            self._answer.close()
        super().close()

    def _read(self, size: int) -> bytes:
        try:
            chunk: bytes = self._answer.raw.read(size)
        except (HTTPError, RequestException, OSError) as error:
            raise self._cut(error) from error
        if not chunk and self._at < self._descriptor.size:
            raise self._cut(EOFError(f"the connection ends after {self._at} bytes"))
        return chunk

    def _cut(self, error: Exception) -> Again:
        self._answer.close()
        self._answer = self._open()
        return Again(unreachable(self._transport.name, error), 0)

    def _open(self) -> Response:
        headers = {**ACCEPT, **({"Range": f"bytes={self._at}-"} if self._at else {})}
        answer = self._transport.request("GET", self._url, headers=headers, stream=True)
        if answer.status_code == 404:
            answer.close()
            raise missing_blob(self._descriptor, self._transport.name)
        if answer.status_code not in (200, 206):
            raise failed(self._transport.name, answer)
        if self._at and answer.status_code == 200:
            self._skip(answer)
        return answer

    def _skip(self, answer: Response) -> None:
        """Read what is known of an *answer* from the beginning; raises Again where that is cut."""
        left = self._at
        try:
            while left and (chunk := answer.raw.read(min(left, CHUNK))):
                left -= len(chunk)
            if left:
                raise EOFError(f"the connection ends after {self._at - left} bytes")
        except (HTTPError, RequestException, OSError, EOFError) as error:
            answer.close()
            raise Again(unreachable(self._transport.name, error), 0) from error
