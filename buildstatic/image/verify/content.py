"""The content of files, of a layer or of a directory, a piece at a time."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
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


def fill(file: IO[bytes], stream: IO[bytes], diff_id: str | None, where: str) -> Spool:
    """Write the plain tar in *stream* to *file*; raises ImageCorrupt where its digest is wrong.

    That is *diff_id*; without one, *stream* checks itself. Raises DiskFailed where there is no
    room for it.
    """
    digest = hashlib.new(diff_id.partition(":")[0]) if diff_id else None
    _copy(stream, file, digest.update if digest else len, where)
    if digest and f"{digest.name}:{digest.hexdigest()}" != diff_id:
        found = f"{digest.name}:{digest.hexdigest()}"
        problem = f"{where}: the layer has the diffID {found}, and {diff_id} is named."
        raise ImageCorrupt(problem, "Make or fetch the image anew.")
    file.flush()
    return Spool(file)


def _copy(stream: IO[bytes], file: IO[bytes], also: Callable[[bytes], object], where: str) -> None:
    room = shutil.disk_usage(tempfile.gettempdir()).free - SPARED
    while piece := stream.read(CHUNK):
        room -= len(piece)
        if room < 0:
            problem = f"{where}: there is no room for the layer in {tempfile.gettempdir()}."
            raise DiskFailed(problem, "Make room, or set TMPDIR.")
        also(piece)
        file.write(piece)
