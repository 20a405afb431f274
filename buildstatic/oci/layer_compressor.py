"""Compresses the tar of a layer in blocks, on several threads, and computes its digests."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Literal

from buildstatic.collect.codecs import load_codec
from buildstatic.errors import UnsupportedByBuilder
from buildstatic.threads import Call, Threads

Compression = Literal["gzip", "zstd", "none"]
# Each block is a stream of its own. Both formats allow concatenation (RFC 1952, section 2.2;
# RFC 8878, section 3), so the bytes do not depend on the number of threads. Longer blocks hardly
# make the layer smaller.
BLOCK_SIZES: dict[Compression, int] = {"gzip": 1 << 20, "zstd": 4 << 20, "none": 1 << 20}


@dataclass(frozen=True)
class CompressedLayer:
    """The digests before and after compression, and the number of compressed bytes."""

    diff_id: str
    digest: str
    size: int


class SourceReadError(Exception):
    """Reading a source file failed with *error*; an OSError is one of the output."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.error = error


class LayerCompressor:
    """Writes what it is given to *output*, compressed. Use it in a ``with`` statement.

    Raises UnsupportedByBuilder if this Python has no library for *compression*.
    """

    def __init__(self, output: IO[bytes], compression: Compression, threads: int) -> None:
        self._output = output
        self._compress: Callable[[bytes], bytes] = bytes
        if compression != "none":
            codec = load_codec({"gzip": "gz", "zstd": "zst"}[compression], "fast")
            if codec is None:
                raise UnsupportedByBuilder("This Python has no zstd.", "Use --compression gzip.")
            self._compress = codec.compress
        self._block_size = BLOCK_SIZES[compression]
        self._plain_hash = hashlib.sha256()
        self._hash = self._plain_hash if compression == "none" else hashlib.sha256()
        self._size = 0
        self._start_block()
        self._threads = ExitStack()
        self._hasher = Threads()
        self._compressors = Threads(max(1, threads))
        self._max_pending = max(1, threads) + 2
        self._pending: deque[tuple[Call[None], Call[bytes]]] = deque()

    def __enter__(self) -> LayerCompressor:
        self._threads.enter_context(self._hasher)
        self._threads.enter_context(self._compressors)
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.close()

    def write(self, data: bytes) -> None:
        """Add *data*."""
        done = 0
        while done < len(data):
            count = min(len(data) - done, self._block_size - self._filled)
            self._block[self._filled : self._filled + count] = data[done : done + count]
            done += count
            self._advance(count)

    def write_file(self, file: int, size: int) -> bool:
        """Add *size* bytes of the open *file*; return False if it has fewer.

        Raises SourceReadError.
        """
        while size:
            end = min(self._filled + size, self._block_size)
            try:
                count = os.readv(file, [self._block[self._filled : end]])
            except OSError as error:
                raise SourceReadError(error) from error
            if not count:
                return False
            size -= count
            self._advance(count)
        return True

    def write_zeros(self, count: int) -> None:
        """Add *count* zero bytes."""
        while count:
            length = min(count, self._block_size - self._filled)
            count -= length
            self._advance(length)

    def finish(self) -> CompressedLayer:
        """Write the remaining blocks and return the digests."""
        if self._filled:
            self._submit_block()
        while self._pending:
            self._write_block()
        diff_id, digest = (f"sha256:{each.hexdigest()}" for each in (self._plain_hash, self._hash))
        return CompressedLayer(diff_id, digest, self._size)

    def _start_block(self) -> None:
        self._block = memoryview(bytearray(self._block_size))
        self._filled = 0

    def _advance(self, count: int) -> None:
        self._filled += count
        if self._filled == self._block_size:
            self._submit_block()

    def _submit_block(self) -> None:
        block = bytes(self._block[: self._filled])
        hashed = self._hasher.submit(self._plain_hash.update, block)
        self._pending.append((hashed, self._compressors.submit(self._compress, block)))
        self._start_block()
        if len(self._pending) > self._max_pending:
            self._write_block()

    def _write_block(self) -> None:
        hashed, compressed = self._pending.popleft()
        hashed.result()
        block = compressed.result()
        if self._hash is not self._plain_hash:
            self._hash.update(block)
        self._size += len(block)
        self._output.write(block)
