"""Reads the tar of a layer as a stream, in bounded memory; nothing is extracted."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import posixpath
import sys
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast
from zlib import adler32

from buildstatic.errors import ImageInvalid
from buildstatic.oci.documents import Descriptor
from buildstatic.oci.stream import CHUNK, FileSlice
from buildstatic.threads import Call, Threads

if TYPE_CHECKING or sys.version_info < (3, 14):
    from backports.zstd import ZstdError, ZstdFile
else:
    try:
        from compression.zstd import ZstdError, ZstdFile
    except ImportError:  # Python was built without libzstd.
        ZstdError, ZstdFile = OSError, None

# OCI image-spec, layer.md, "Whiteouts"
WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
FILES = ("file", "link")
"""The kinds of entries that are file names."""
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"  # RFC 8878, section 3.1.1
# Larger than any real name or set of PAX records (Linux has paths of 4 KiB)
_MAX_READ = 1 << 20  # bytes
# More than the layers of any real image: tens of gigabytes, hundreds of thousands of files.
MAX_LAYER_SIZE = 64 << 30  # bytes, uncompressed
MAX_LAYER_ENTRIES = 1_000_000
_BLOCK = tarfile.BLOCKSIZE
_SIMPLE_KINDS = {b"0": "file", b"1": "link", b"2": "symlink", b"5": "dir"}
# Mode, uid, gid, size, time and checksum
_NUMBER_FIELDS = ((100, 108), (108, 116), (116, 124), (124, 136), (136, 148), (148, 156))
_READ_ERRORS = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, OverflowError)


class LayerEntry(NamedTuple):
    """An entry of a layer.

    *path* is normalized, without a leading or trailing slash; *name* is as written. *kind* is file,
    link (a hard link, of size 0), symlink, dir or other. *target* is a link's, for a hard link a
    normalized path of the layer. *offset* is where the content begins in the uncompressed tar, in
    bytes.
    """

    path: str
    kind: str
    size: int
    name: str = ""
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime: float = 0
    target: str = ""
    offset: int = 0


def replaced_path(entry: LayerEntry) -> tuple[str, bool]:
    """Return the path of a lower layer that *entry* replaces, and whether it keeps its content."""
    parent, name = posixpath.split(entry.path)
    if name == OPAQUE:
        return parent or ".", False
    if name.startswith(WHITEOUT):
        return posixpath.join(parent, name.removeprefix(WHITEOUT)), False
    return entry.path, entry.kind == "dir"


class LayerReader:
    """Iterates over the entries of an uncompressed tar; `chunks` returns the content of the last.

    Both raise ImageInvalid, which names *source*, if the tar is invalid or incomplete. If *size* is
    given, *stream* is seekable and has that many bytes.
    """

    def __init__(self, stream: IO[bytes], source: str, size: int | None = None) -> None:
        self._stream = _ForwardStream(stream, size)
        self._source = source
        self._entry: LayerEntry | None = None

    def __iter__(self) -> Iterator[LayerEntry]:
        with _read_errors(self._source):
            for count, entry in enumerate(_read_entries(self._stream)):
                if count >= MAX_LAYER_ENTRIES:
                    raise tarfile.ReadError(f"it has more than {MAX_LAYER_ENTRIES:,} entries")
                self._entry = entry
                yield entry

    def chunks(self) -> Iterator[bytes]:
        """Yield the content of the entry that was yielded last, at most a mebibyte at a time."""
        entry = self._entry
        remaining = entry.size if entry else 0
        while remaining:
            with _read_errors(self._source):
                chunk = self._stream.read(min(CHUNK, remaining))
                if not chunk:
                    raise tarfile.ReadError("unexpected end of data")
            remaining -= len(chunk)
            yield chunk


def read_layer(stream: IO[bytes], source: str) -> tuple[LayerEntry, ...]:
    """Return the entries of the layer in *stream*, compressed or not, which is read to its end.

    Raises ImageInvalid, which names *source*, if it is not a tar or is incomplete.
    """
    with open_layer(stream, source) as layer:
        return tuple(layer)


@contextmanager
def open_layer(stream: IO[bytes], source: str) -> Iterator[LayerReader]:
    """Yield a reader of the layer in *stream*, compressed or not.

    At the end the rest of the stream is read, so that a stream that checks its digest does. Raises
    ImageInvalid, which names *source*.
    """
    with decompressed(stream, source) as plain:
        yield LayerReader(plain, source)
        with _read_errors(source):
            while plain.read(CHUNK):
                pass


def read_plain_layer(part: FileSlice, source: str) -> tuple[LayerEntry, ...]:
    """Return the entries of the uncompressed tar in *part*, skipping contents.

    Raises ImageInvalid, which names *source*.
    """
    with part.stream() as stream:
        return tuple(LayerReader(stream, source, part.size))


@contextmanager
def decompressed(stream: IO[bytes], source: str) -> Iterator[IO[bytes]]:
    """Yield the gzip or zstd *stream* decompressed, any other one unchanged.

    Reading it in the block raises ImageInvalid, which names *source*.
    """
    buffered = io.BufferedReader(cast(io.RawIOBase, stream), CHUNK)
    with _read_errors(source):
        start = buffered.peek(4)[:4]
        if start.startswith(_GZIP_MAGIC):
            yield _limited(gzip.GzipFile(fileobj=buffered))
        elif start == _ZSTD_MAGIC:
            if ZstdFile is None:
                raise ImageInvalid("This Python was built without zstd.", "Use another Python.")
            yield _limited(ZstdFile(buffered))
        else:
            yield buffered


@contextmanager
def with_diff_id(
    stream: IO[bytes], layer: Descriptor, diff_id: str, source: str
) -> Iterator[IO[bytes]]:
    """Yield *stream*, the blob *layer*, with reads that compare its tar with *diff_id*.

    They raise ImageInvalid, which names *source*, before the last bytes are returned. A thread
    decompresses what is read, so that the blob is read once.
    """
    receiver, sender = os.pipe()
    algorithm = diff_id.partition(":")[0]
    with Threads() as thread, os.fdopen(sender, "wb", 0) as pipe:
        found = thread.submit(_digest_of_tar, receiver, algorithm, source)
        yield io.BufferedReader(_WithDiffID(stream, layer, diff_id, source, pipe, found), CHUNK)


def _digest_of_tar(receiver: int, algorithm: str, source: str) -> str:
    result = hashlib.new(algorithm)
    with open(receiver, "rb") as stream, decompressed(stream, source) as plain:
        while chunk := plain.read(CHUNK):
            result.update(chunk)
    return f"{algorithm}:{result.hexdigest()}"


class _WithDiffID(io.RawIOBase):
    """Passes what is read from *stream* to *pipe* as well; *found* is the digest of the tar."""

    def __init__(
        self,
        stream: IO[bytes],
        layer: Descriptor,
        diff_id: str,
        source: str,
        pipe: io.FileIO,
        found: Call[str],
    ) -> None:
        self._stream = stream
        self._layer = layer
        self._diff_id = diff_id
        self._source = source
        self._pipe = pipe
        self._found = found
        self._left = layer.size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._stream.read(len(buffer))
        buffer[: len(chunk)] = chunk
        self._left -= len(chunk)
        if not self._pipe.closed:
            # Without a reader, the result is an error.
            with suppress(BrokenPipeError):
                rest = memoryview(chunk)
                while rest:
                    rest = rest[self._pipe.write(rest) :]
                if chunk and self._left:
                    return len(chunk)
            self._pipe.close()
            if (found := self._found.result()) != self._diff_id:
                problem = f"{self._source}: the layer {self._layer.digest} has the diffID {found}"
                advice = "Build or pull the image again."
                raise ImageInvalid(f"{problem}, not {self._diff_id}.", advice)
        return len(chunk)


def _limited(stream: object) -> IO[bytes]:
    return io.BufferedReader(_LimitedSize(cast(io.RawIOBase, stream)), CHUNK)


class _LimitedSize(io.RawIOBase):
    """The decompressed *stream*, which ends with an error if it grows too large."""

    def __init__(self, stream: io.RawIOBase) -> None:
        self._stream = stream
        self._left = MAX_LAYER_SIZE

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._stream.readinto(buffer) or 0
        self._left -= count
        if self._left < 0:
            raise tarfile.ReadError(f"it is larger than {MAX_LAYER_SIZE >> 30} GiB")
        return count


def is_compressed(part: FileSlice) -> bool:
    """Return whether *part* is gzip or zstd."""
    return part.read(0, 4).startswith((_GZIP_MAGIC, _ZSTD_MAGIC))


def normalized_path(name: str) -> str:
    """Return *name* as a path without a leading slash; a leading ``..`` is kept."""
    path = posixpath.normpath(name.lstrip("/")) if name else ""
    return "" if path == "." else path


@contextmanager
def _read_errors(source: str) -> Iterator[None]:
    try:
        yield
    except (*_READ_ERRORS, ZstdError) as error:
        problem = f"Cannot read the layer {source}: {error}."
        raise ImageInvalid(problem, "Build or pull the image again.") from error


def _read_entries(stream: _ForwardStream) -> Iterator[LayerEntry]:
    """Yield the entries; headers that BuildKit rarely writes are read by tarfile."""
    with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r:") as archive:
        member = archive.next()
        while member is not None:
            yield _from_tarfile(member)
            stream.skip_to(archive.offset)
            if not archive.pax_headers:
                yield from _read_simple_entries(stream)
            archive.offset = stream.tell()
            archive.members = []  # type: ignore[attr-defined]
            member = archive.next()
        if stream.last_read.strip(b"\0") or len(stream.last_read) not in (0, _BLOCK):
            raise tarfile.ReadError(f"no header at byte {archive.offset}")


def _read_simple_entries(stream: _ForwardStream) -> Iterator[LayerEntry]:
    """Yield entries while their headers are simple, and leave the next header unread."""
    while entry := _parse_simple_header(block := stream.read(_BLOCK), stream.tell()):
        yield entry
        stream.skip_to(entry.offset + -(-entry.size // _BLOCK) * _BLOCK)
    stream.unread(block)


def _parse_simple_header(block: bytes, offset: int) -> LayerEntry | None:
    """Return the entry of a header in plain ASCII ustar, None for any other header."""
    kind = _SIMPLE_KINDS.get(block[156:157])
    if kind is None or not block.isascii():
        return None
    try:
        numbers = [int(block[start:end].rstrip(b"\0 "), 8) for start, end in _NUMBER_FIELDS]
    except ValueError:
        return None
    mode, uid, gid, size, mtime, checksum = numbers
    # The lower half of Adler-32 is the sum of 512 ASCII bytes plus one, and faster than sum().
    if checksum != (adler32(block) & 0xFFFF) - 1 - sum(block[148:156]) + 256 or min(numbers) < 0:
        return None
    name, target, prefix = (
        field.partition(b"\0")[0].decode("ascii")
        for field in (block[:100], block[157:257], block[345:500])
    )
    name = f"{prefix}/{name}" if prefix else name
    if kind == "link":
        target = normalized_path(target)
    elif kind != "symlink":
        target = ""
    return LayerEntry(
        normalized_path(name),
        kind,
        size if kind == "file" else 0,
        name.rstrip("/") if kind == "dir" else name,
        mode & 0o7777,
        uid,
        gid,
        mtime,
        target,
        offset,
    )


def _from_tarfile(member: tarfile.TarInfo) -> LayerEntry:
    target = ""
    if member.issparse():
        kind = "other"
    elif member.isreg():
        kind = "file"
    elif member.islnk():
        kind, target = "link", normalized_path(member.linkname)
    elif member.issym():
        kind, target = "symlink", member.linkname
    else:
        kind = "dir" if member.isdir() else "other"
    return LayerEntry(
        normalized_path(member.name),
        kind,
        member.size if kind == "file" else 0,
        member.name,
        member.mode & 0o7777,
        member.uid,
        member.gid,
        member.mtime,
        target,
        member.offset_data,
    )


class _ForwardStream:
    """A file object for tarfile that only moves forward and limits each read."""

    def __init__(self, stream: IO[bytes], size: int | None) -> None:
        self._stream: IO[bytes] = stream
        self._size = size
        self._position = 0
        self._unread = b""
        self.last_read = b""

    def tell(self) -> int:
        return self._position

    def read(self, count: int) -> bytes:
        if not 0 <= count <= _MAX_READ:
            raise tarfile.ReadError(f"a header claims {count} bytes")
        start, self._unread = self._unread[:count], self._unread[count:]
        self.last_read = start + self._stream.read(count - len(start))
        self._position += len(self.last_read)
        return self.last_read

    def unread(self, block: bytes) -> None:
        """Return *block*, which was read last, from the next read again."""
        self._unread = block
        self._position -= len(block)

    def seek(self, position: int) -> int:
        if position < self._position:
            raise tarfile.ReadError(f"an entry leads back to byte {position}")
        if self._size is not None and position > self._position:
            self._position = self._stream.seek(min(position, self._size))
        while self._position < position:
            skipped = len(self._stream.read(min(CHUNK, position - self._position)))
            if not skipped:
                break
            self._position += skipped
        return self._position

    def skip_to(self, position: int) -> None:
        """Move to *position*; raises ReadError if the stream ends before it."""
        if self.seek(position) != position:
            raise tarfile.ReadError("unexpected end of data")
