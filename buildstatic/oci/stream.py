"""Byte streams of blobs."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from buildstatic.errors import ImageInvalid
from buildstatic.oci.documents import Descriptor

CHUNK = 1 << 20  # bytes
# Registries accept manifests of 4 MiB; configurations with a long history are not larger.
MAX_DOCUMENT_SIZE = 8 << 20


def verified(stream: IO[bytes], descriptor: Descriptor, where: str) -> IO[bytes]:
    """Return *stream*, with reads that raise ImageInvalid if it does not match *descriptor*.

    They do so before the last bytes are returned. *where* names the store in the error.
    """
    return io.BufferedReader(_Verified(stream, descriptor, where), CHUNK)


class _Verified(io.RawIOBase):
    def __init__(self, stream: IO[bytes], descriptor: Descriptor, where: str) -> None:
        self._stream = stream
        self._descriptor = descriptor
        self._where = where
        self._hash = hashlib.new(descriptor.digest.partition(":")[0])
        self._left = descriptor.size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), self._left)
        chunk = self._stream.read(count) if count else b""
        buffer[: len(chunk)] = chunk
        self._hash.update(chunk)
        self._left -= len(chunk)
        if len(buffer) and (not chunk or not self._left):
            self._verify()
        return len(chunk)

    def _verify(self) -> None:
        size, digest = self._descriptor.size, self._descriptor.digest
        found = f"{self._hash.name}:{self._hash.hexdigest()}"
        if self._left:
            problem = f"ends after {size - self._left} of {size} bytes"
        elif self._stream.read(1):
            problem = f"is longer than {size} bytes"
        elif found != digest:
            problem = f"has the digest {found}"
        else:
            return
        advice = "Build or pull the image again."
        raise ImageInvalid(f"{self._where}: the blob {digest} {problem}.", advice)


def stream_chunks(chunks: Iterator[bytes]) -> IO[bytes]:
    """Return a stream of *chunks*, such as those of a response."""
    return io.BufferedReader(_Chunks(chunks), CHUNK)


class _Chunks(io.RawIOBase):
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


@dataclass(frozen=True)
class FileSlice:
    """A blob in a local file: *size* bytes from offset *start* of the file descriptor *file*."""

    file: int
    start: int
    size: int

    def read(self, offset: int, count: int) -> bytes:
        """Return up to *count* bytes from *offset*, none at the end."""
        return os.pread(self.file, max(0, min(count, self.size - offset)), self.start + offset)

    def stream(self) -> IO[bytes]:
        """Return a seekable stream with a position of its own."""
        return io.BufferedReader(_FileSliceReader(self), 1 << 16)


class _FileSliceReader(io.RawIOBase):
    def __init__(self, content: FileSlice) -> None:
        self._content = content
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._content.size}
        self._position = origin[whence] + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        chunk = self._content.read(self._position, len(buffer))
        buffer[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)


def read_document(stream: IO[bytes], descriptor: Descriptor, where: str) -> bytes:
    """Return the content of a verified *stream*; raises ImageInvalid if it is too large."""
    if descriptor.size > MAX_DOCUMENT_SIZE:
        problem = f"{where}: {descriptor.digest} is too large for a manifest or configuration"
        raise ImageInvalid(f"{problem}: {descriptor.size} bytes.")
    return stream.read()


def copy_stream(stream: IO[bytes], write: Callable[[bytes], object]) -> None:
    """Pass the content of *stream* to *write* in chunks."""
    while chunk := stream.read(CHUNK):
        write(chunk)


@contextmanager
def open_bytes(content: bytes) -> Iterator[IO[bytes]]:
    """Yield *content* as a stream."""
    yield io.BytesIO(content)
