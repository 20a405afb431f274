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
from typing import IO, Any, cast

from buildstatic.errors import ImageInvalid
from buildstatic.oci.archive import Entry, kind_of
from buildstatic.oci.stream import CHUNK, FileSlice
from buildstatic.oci.zstd import MAGIC as ZSTD
from buildstatic.oci.zstd import ZstdError, open_zstd

# A name or a set of PAX records that is longer is none (Linux has paths of 4 KiB).
LARGEST_HEADER = 1 << 20  # bytes
GZIP = b"\x1f\x8b"
_BLOCK = tarfile.BLOCKSIZE
_QUICK = {b"0": "file", b"1": "link", b"2": "symlink", b"5": "dir"}
# Mode, uid, gid, size, time and checksum.
_NUMBERS = ((100, 108), (108, 116), (116, 124), (124, 136), (136, 148), (148, 156))
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

    Raises ImageInvalid, which says *where*, for what is no tar, or breaks off.
    """
    with plain(stream, where) as content:
        forward = _Forward(content)
        members = tuple(_members(forward))
        forward.drain()
    return members


def members_of(part: FileSlice, where: str) -> tuple[Member, ...]:
    """Return the members of the plain tar in *part*, as `read_members` does."""
    with _described(where), part.stream() as stream:
        return tuple(_members(_Forward(stream, part.size)))


@contextmanager
def plain(stream: IO[bytes], where: str) -> Iterator[IO[bytes]]:
    """Yield *stream* out of the gzip or zstd that it is in; raises ImageInvalid."""
    buffered = io.BufferedReader(cast(io.RawIOBase, stream), CHUNK)
    with _described(where), _unpacked(buffered) as content:
        yield content


def is_plain(part: FileSlice) -> bool:
    """Tell whether *part* is in no gzip or zstd."""
    return not part.read(0, 4).startswith((GZIP, ZSTD))


@contextmanager
def _described(where: str) -> Iterator[None]:
    try:
        yield
    except (*_BROKEN, ZstdError) as error:
        problem = f"{where} is no layer that can be read: {error}."
        raise ImageInvalid(problem, "Make or fetch the image anew.") from error


def normal(name: str) -> str:
    """Return *name* as a path without a leading slash; ``..`` stays."""
    path = posixpath.normpath(name.lstrip("/")) if name else ""
    return "" if path == "." else path


def _unpacked(stream: io.BufferedReader[Any]) -> IO[bytes]:
    start = stream.peek(4)[:4]
    if start.startswith(GZIP):
        return io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=stream)), CHUNK)
    return open_zstd(stream) if start == ZSTD else stream


def _members(forward: _Forward) -> Iterator[Member]:
    """Yield the members; what is not in the form that BuildKit writes most of is for tarfile."""
    with tarfile.open(fileobj=cast(IO[bytes], forward), mode="r:") as archive:
        member = archive.next()
        while member is not None:
            yield _member(member)
            forward.skip_to(archive.offset)
            if not archive.pax_headers:
                yield from _quick_ones(forward)
            archive.offset = forward.tell()
            archive.members = []  # type: ignore[attr-defined]
            member = archive.next()
        if forward.last.strip(b"\0") or len(forward.last) not in (0, tarfile.BLOCKSIZE):
            raise tarfile.ReadError(f"no header at byte {archive.offset}")


def _quick_ones(forward: _Forward) -> Iterator[Member]:
    """Yield members as long as their headers are plain, and leave the next one unread."""
    while (member := _quick(block := forward.read(tarfile.BLOCKSIZE), forward.tell())) is not None:
        yield member
        forward.skip_to(member.offset + -(-member.size // _BLOCK) * _BLOCK)
    forward.unread(block)


def _quick(block: bytes, offset: int) -> Member | None:
    """Return what the header *block* says in ASCII alone, None where tarfile is to read it.

    Whatever is unusual is tarfile's: other kinds, numbers and names.
    """
    kind = _QUICK.get(block[156:157])
    if kind is None or not block.isascii():
        return None
    try:
        numbers = [int(block[start:end].rstrip(b"\0 "), 8) for start, end in _NUMBERS]
    except ValueError:
        return None
    mode, uid, gid, size, mtime, checksum = numbers
    if checksum != sum(block) - sum(block[148:156]) + 256 or min(numbers) < 0:
        return None
    name, prefix = _text(block[:100]), _text(block[345:500])
    name = f"{prefix}/{name}" if prefix else name
    target = _text(block[157:257]) if kind in ("link", "symlink") else ""
    return Member(
        normal(name),
        kind,
        size if kind == "file" else 0,
        name.rstrip("/") if kind == "dir" else name,
        mode & 0o7777,
        uid,
        gid,
        mtime,
        normal(target) if kind == "link" else target,
        offset,
    )


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("ascii")


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

    def __init__(self, stream: IO[bytes], size: int | None = None) -> None:
        """Take a *stream*, which is sought in where its *size* is known."""
        self._stream = stream
        self._size = size
        self._place = 0
        self._unread = b""
        self.last = b""

    def tell(self) -> int:
        return self._place

    def read(self, count: int) -> bytes:
        if not 0 <= count <= LARGEST_HEADER:
            raise tarfile.ReadError(f"a header claims {count} bytes")
        held, self._unread = self._unread[:count], self._unread[count:]
        self.last = held + self._stream.read(count - len(held))
        self._place += len(self.last)
        return self.last

    def unread(self, block: bytes) -> None:
        """Give *block*, which was read last, again."""
        self._unread = block
        self._place -= len(block)

    def seek(self, place: int) -> int:
        if place < self._place:
            raise tarfile.ReadError(f"an entry leads back to byte {place}")
        if self._size is not None and place > self._place:
            self._place = self._stream.seek(min(place, self._size))
        while self._place < place:
            skipped = len(self._stream.read(min(CHUNK, place - self._place)))
            if not skipped:
                break
            self._place += skipped
        return self._place

    def skip_to(self, place: int) -> None:
        """Go to *place*; raises ReadError where the stream ends before."""
        if self.seek(place) != place:
            raise tarfile.ReadError("unexpected end of data")

    def drain(self) -> None:
        """Read what is left, so that a stream that checks itself does."""
        while self._stream.read(CHUNK):
            pass
