"""The members of a layer, read as a stream: nothing is extracted."""

from __future__ import annotations

import gzip
import io
import posixpath
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import IO, Any, cast

from buildstatic.errors import ImageCorrupt
from buildstatic.image.archive import Entry, kind_of
from buildstatic.image.stream import CHUNK

# A name or a set of PAX records that is longer is none (Linux has paths of 4 KiB).
LARGEST_HEADER = 1 << 20  # bytes
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_BROKEN = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, OverflowError)


@dataclass(frozen=True)
class Member(Entry):
    """An entry with all that a layer says of it.

    *name* is as it was written; *target* is a link's, a hard link's as a path of the layer;
    *offset* is where the content begins in the plain tar, in bytes.
    """

    name: str = ""
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime: float = 0
    target: str = ""
    offset: int = 0


def read_members(stream: IO[bytes], where: str) -> tuple[Member, ...]:
    """Return the members of the layer in *stream*, packed or plain, which is read to its end.

    Raises ImageCorrupt, which says *where*, for what is no tar, or breaks off.
    """
    with plain(stream, where) as content:
        forward = _Forward(content)
        with tarfile.open(fileobj=cast(IO[bytes], forward), mode="r:") as archive:
            members = tuple(map(_member, _each(archive)))
        if forward.last.strip(b"\0") or len(forward.last) not in (0, tarfile.BLOCKSIZE):
            raise tarfile.ReadError(f"no header at byte {archive.offset}")
        forward.drain()
    return members


@contextmanager
def plain(stream: IO[bytes], where: str) -> Iterator[IO[bytes]]:
    """Yield *stream* out of the gzip or zstd that it is in; raises ImageCorrupt."""
    library = _zstd_library()
    try:
        buffered = io.BufferedReader(cast(io.RawIOBase, stream), CHUNK)
        with _unpacked(buffered, library) as content:
            yield content
    except (*_BROKEN, library.ZstdError) as error:
        problem = f"{where} is no layer that can be read: {error}."
        raise ImageCorrupt(problem, "Make or fetch the image anew.") from error


def normal(name: str) -> str:
    """Return *name* as a path without a leading slash; ``..`` stays."""
    path = posixpath.normpath(name.lstrip("/")) if name else ""
    return "" if path == "." else path


def _unpacked(stream: io.BufferedReader[Any], library: Any) -> IO[bytes]:
    start = stream.peek(4)[:4]
    if start.startswith(GZIP):
        return io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=stream)), CHUNK)
    if start != ZSTD:
        return stream
    if hasattr(library, "ZstdFile"):
        return io.BufferedReader(library.ZstdFile(stream), CHUNK)
    reader = library.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
    return io.BufferedReader(reader, CHUNK)


def _zstd_library() -> Any:
    try:
        return import_module("compression.zstd")
    except ImportError:
        return import_module("zstandard")


def _each(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the members; tarfile keeps none of them."""
    while (member := archive.next()) is not None:
        archive.members = []  # type: ignore[attr-defined]
        yield member


def _member(member: tarfile.TarInfo) -> Member:
    kind = "other" if member.issparse() else kind_of(member)
    target = normal(member.linkname) if kind == "link" else member.linkname
    return Member(
        normal(member.name),
        kind,
        member.size if kind == "file" else 0,
        member.name,
        member.mode & 0o7777,
        member.uid,
        member.gid,
        member.mtime,
        target if kind in ("link", "symlink") else "",
        member.offset_data,
    )


class _Forward:
    """A stream for tarfile: it only goes forward, and no header makes it read much at once."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._place = 0
        self.last = b""

    def tell(self) -> int:
        return self._place

    def read(self, count: int) -> bytes:
        if not 0 <= count <= LARGEST_HEADER:
            raise tarfile.ReadError(f"a header claims {count} bytes")
        self.last = self._stream.read(count)
        self._place += len(self.last)
        return self.last

    def seek(self, place: int) -> int:
        if place < self._place:
            raise tarfile.ReadError(f"an entry leads back to byte {place}")
        while self._place < place:
            skipped = len(self._stream.read(min(CHUNK, place - self._place)))
            if not skipped:
                break
            self._place += skipped
        return self._place

    def drain(self) -> None:
        """Read what is left, so that a stream that checks itself does."""
        while self._stream.read(CHUNK):
            pass
