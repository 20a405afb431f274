"""The content of files, of a layer or of a directory, a piece at a time."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from buildstatic.errors import DiskFailed, ImageCorrupt
from buildstatic.image.stream import CHUNK
from buildstatic.image.verify.member import Member

# What a disk keeps for others.
SPARED = 256 << 20  # bytes


class Content(Protocol):
    """What gives the content of a member that is a file."""

    def pieces(self, member: Member) -> Iterator[bytes]:
        """Yield the content, at most a mebibyte at once."""


@dataclass(frozen=True)
class Spool:
    """The plain tar of a layer in an open temporary *file*."""

    file: IO[bytes]

    def pieces(self, member: Member) -> Iterator[bytes]:
        """Yield the content of *member* from where it stands in the tar."""
        place, end = member.offset, member.offset + member.size
        while place < end:
            piece = os.pread(self.file.fileno(), min(CHUNK, end - place), place)
            if not piece:
                raise ImageCorrupt(f"The layer ends within {member.path}.")
            place += len(piece)
            yield piece


@dataclass(frozen=True)
class Directory:
    """The files below *root*."""

    root: Path

    def pieces(self, member: Member) -> Iterator[bytes]:
        """Yield the content of *member*."""
        with (self.root / member.path).open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece


@dataclass(frozen=True)
class Digests:
    """The digests of a content in hexadecimal."""

    sha256: str
    md5: str


def read(content: Content, member: Member) -> bytes:
    """Return all of *member*."""
    return b"".join(content.pieces(member))


def digests(content: Content, member: Member) -> Digests:
    """Return the digests of *member*."""
    strong, quick = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    for piece in content.pieces(member):
        strong.update(piece)
        quick.update(piece)
    return Digests(strong.hexdigest(), quick.hexdigest())


def with_links(members: tuple[Member, ...]) -> Mapping[str, Member]:
    """Return what has the content of each file and hard link of *members*, by their paths.

    A hard link whose target is not among them has none.
    """
    files: dict[str, Member] = {}
    for member in members:
        if member.kind == "file":
            files[member.path] = member
        elif member.kind == "link" and member.target in files:
            files[member.path] = files[member.target]
        else:
            files.pop(member.path, None)
    return files


@contextmanager
def spooled(stream: IO[bytes], diff_id: str, where: str) -> Iterator[Spool]:
    """Yield the plain tar in *stream*; raises ImageCorrupt where it is not what *diff_id* says.

    Raises DiskFailed where there is no room for it.
    """
    with tempfile.TemporaryFile(prefix="buildstatic-") as file:
        found = _copy(stream, file, diff_id.partition(":")[0], where)
        if found != diff_id:
            problem = f"{where}: the layer has the diffID {found}, and {diff_id} is named."
            raise ImageCorrupt(problem, "Make or fetch the image anew.")
        file.flush()
        yield Spool(file)


def _copy(stream: IO[bytes], file: IO[bytes], algorithm: str, where: str) -> str:
    room = shutil.disk_usage(tempfile.gettempdir()).free - SPARED
    digest, size = hashlib.new(algorithm), 0
    while piece := stream.read(CHUNK):
        size += len(piece)
        if size > room:
            problem = f"{where}: there is no room for the layer in {tempfile.gettempdir()}."
            raise DiskFailed(problem, "Make room, or set TMPDIR.")
        digest.update(piece)
        file.write(piece)
    return f"{algorithm}:{digest.hexdigest()}"
