"""Streams that are checked as they are read."""

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
# Registries take manifests of 4 MiB; a configuration with a long history is no larger.
MAX_DOCUMENT_SIZE = 8 << 20
_AHEAD = 1 << 16


def verified(stream: IO[bytes], descriptor: Descriptor, where: str) -> IO[bytes]:
    """Return *stream*, which raises ImageInvalid where it is not what *descriptor* names.

    It does so at the end, before the last bytes are given away. *where* names what is read.
    """
    return io.BufferedReader(_Checked(stream, descriptor, where), CHUNK)


class _Checked(io.RawIOBase):
    def __init__(self, stream: IO[bytes], descriptor: Descriptor, where: str) -> None:
        self._stream = stream
        self._descriptor = descriptor
        self._where = where
        self._hash = hashlib.new(descriptor.digest.partition(":")[0])
        self._left = descriptor.size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._left)
        chunk = self._stream.read(wanted) if wanted else b""
        buffer[: len(chunk)] = chunk
        self._hash.update(chunk)
        self._left -= len(chunk)
        if len(buffer) and (not chunk or not self._left):
            self._check()
        return len(chunk)

    def _check(self) -> None:
        named = self._descriptor
        if self._left:
            read = named.size - self._left
            raise self._wrong(f"ends after {read} of {named.size} bytes")
        if self._stream.read(1):
            raise self._wrong(f"has more than the {named.size} bytes that are named")
        found = f"{self._hash.name}:{self._hash.hexdigest()}"
        if found != named.digest:
            raise self._wrong(f"has the digest {found}")

    def _wrong(self, what: str) -> ImageInvalid:
        advice = "Make or fetch the image anew."
        return ImageInvalid(f"{self._where}: the blob {self._descriptor.digest} {what}.", advice)


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
    """The *size* bytes from *start* of the open file *file*, a descriptor: a blob on the disk."""

    file: int
    start: int
    size: int

    def read(self, place: int, count: int) -> bytes:
        """Return up to *count* bytes from *place*, none at the end."""
        return os.pread(self.file, max(0, min(count, self.size - place)), self.start + place)

    def stream(self) -> IO[bytes]:
        """Return a stream of it, with a place of its own, that can be sought in."""
        return io.BufferedReader(_Reading(self), _AHEAD)


class _Reading(io.RawIOBase):
    def __init__(self, part: FileSlice) -> None:
        self._part = part
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._part.size}
        self._place = origin[whence] + place
        return self._place

    def readinto(self, buffer: Any) -> int:
        piece = self._part.read(self._place, len(buffer))
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)


def read_document(stream: IO[bytes], descriptor: Descriptor, where: str) -> bytes:
    """Return all of *stream*, a checked one; raises ImageInvalid for what is no document's size."""
    if descriptor.size > MAX_DOCUMENT_SIZE:
        problem = f"{where}: {descriptor.digest} is no document, with {descriptor.size} bytes."
        raise ImageInvalid(problem)
    return stream.read()


def copy_stream(stream: IO[bytes], write: Callable[[bytes], object]) -> None:
    """Give all of *stream* to *write*, a chunk at a time."""
    while chunk := stream.read(CHUNK):
        write(chunk)


@contextmanager
def open_bytes(content: bytes) -> Iterator[IO[bytes]]:
    """Yield *content* as a stream."""
    yield io.BytesIO(content)
