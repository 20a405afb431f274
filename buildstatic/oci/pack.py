"""Packs a stream: cut into blocks, hashed, each block compressed by itself, in several threads."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Literal

from buildstatic.collect.codecs import load
from buildstatic.errors import UnsupportedByBuilder

Compression = Literal["gzip", "zstd", "none"]
# Both formats let one stream follow the other (RFC 1952, section 2.2; RFC 8878, section 3), so
# the bytes do not depend on how many threads there are. Longer blocks make it hardly any smaller.
BLOCKS: dict[Compression, int] = {"gzip": 1 << 20, "zstd": 4 << 20, "none": 1 << 20}


@dataclass(frozen=True)
class Packed:
    """What was written: digests as in an OCI descriptor, before and after compression; its size."""

    diff_id: str
    digest: str
    size: int


class Unread(Exception):
    """A file could not be read: *error* is not that of what is written."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.error = error


class Packer:
    """Takes a stream in pieces and writes it, compressed, to *output*; to be used in a ``with``."""

    def __init__(self, output: IO[bytes], compression: Compression, threads: int) -> None:
        self._output = output
        self._compress = _codec(compression)
        self._length = BLOCKS[compression]
        self._plain = hashlib.sha256()
        self._packed = self._plain if compression == "none" else hashlib.sha256()
        self._size = 0
        self._begin()
        self._hasher = ThreadPoolExecutor(1)
        self._pool = ThreadPoolExecutor(max(1, threads))
        self._most = max(1, threads) + 2
        self._pending: deque[tuple[Future[None], Future[bytes]]] = deque()

    def __enter__(self) -> Packer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._hasher.shutdown(cancel_futures=True)

    def write(self, piece: bytes) -> None:
        """Add *piece*."""
        done = 0
        while done < len(piece):
            taken = min(len(piece) - done, self._length - self._filled)
            self._view[self._filled : self._filled + taken] = piece[done : done + taken]
            done += taken
            self._advance(taken)

    def copy(self, file: int, count: int) -> bool:
        """Add *count* bytes of the open *file*; False where it has fewer. Raises `Unread`."""
        while count:
            end = min(self._filled + count, self._length)
            try:
                taken = os.readv(file, [self._view[self._filled : end]])
            except OSError as error:
                raise Unread(error) from error
            if not taken:
                return False
            count -= taken
            self._advance(taken)
        return True

    def skip(self, count: int) -> None:
        """Add *count* zeros."""
        while count:
            taken = min(count, self._length - self._filled)
            count -= taken
            self._advance(taken)

    def finish(self) -> Packed:
        """Write what is left, and return what all of it is."""
        if self._filled:
            self._send()
        while self._pending:
            self._settle()
        return Packed(
            f"sha256:{self._plain.hexdigest()}", f"sha256:{self._packed.hexdigest()}", self._size
        )

    def _begin(self) -> None:
        self._view = memoryview(bytearray(self._length))
        self._filled = 0

    def _advance(self, count: int) -> None:
        self._filled += count
        if self._filled == self._length:
            self._send()

    def _send(self) -> None:
        block = bytes(self._view[: self._filled])
        hashed = self._hasher.submit(self._plain.update, block)
        self._pending.append((hashed, self._pool.submit(self._compress, block)))
        self._begin()
        if len(self._pending) > self._most:
            self._settle()

    def _settle(self) -> None:
        """Write the first block that is not written yet."""
        hashed, packed = self._pending.popleft()
        hashed.result()
        block = packed.result()
        if self._packed is not self._plain:
            self._packed.update(block)
        self._size += len(block)
        self._output.write(block)


def _codec(compression: Compression) -> Callable[[bytes], bytes]:
    if compression == "none":
        return lambda block: block
    codec = load({"gzip": "gz", "zstd": "zst"}[compression], "fast")
    if codec is None:
        raise UnsupportedByBuilder("This Python has no zstd.", "Use --compression gzip.")
    return codec.compress
