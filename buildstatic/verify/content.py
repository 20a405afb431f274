"""The content of files, of a layer or of a directory, a piece at a time."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from buildstatic.collect.workers.cores import cores
from buildstatic.errors import FileError, ImageInvalid
from buildstatic.oci.layer_reader import LayerEntry
from buildstatic.oci.stream import CHUNK, FileSlice
from buildstatic.verify.keys import Keys

# What a disk keeps for others.
SPARED = 256 << 20  # bytes
# Hashing as much without the GIL is worth a thread; below, threads wait for one another.
LARGE = 1 << 17  # bytes


class Content(Protocol):
    """What gives the content of a member that is a file."""

    def pieces(self, member: LayerEntry) -> Iterator[bytes]:
        """Yield the content, at most a mebibyte at once."""


@dataclass(frozen=True)
class Spool:
    """The plain tar of a layer, on the disk."""

    part: FileSlice

    def pieces(self, member: LayerEntry) -> Iterator[bytes]:
        """Yield the content of *member* from where it stands in the tar."""
        place, end = member.offset, member.offset + member.size
        while place < end:
            piece = self.part.read(place, min(CHUNK, end - place))
            if not piece:
                raise ImageInvalid(f"The layer ends within {member.path}.")
            place += len(piece)
            yield piece


@dataclass(frozen=True)
class Directory:
    """The files below *root*."""

    root: Path

    def pieces(self, member: LayerEntry) -> Iterator[bytes]:
        """Yield the content of *member*."""
        with (self.root / member.path).open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece


@dataclass(frozen=True)
class Facts:
    """What is known of a content: its digests in hexadecimal, and the key in it, if there is one.

    *key* says which kind of key that is, and never the key.
    """

    sha256: str
    md5: str
    key: str


def read(content: Content, member: LayerEntry) -> bytes:
    """Return all of *member*."""
    return b"".join(content.pieces(member))


def facts(content: Content, members: Mapping[str, LayerEntry]) -> dict[str, Facts]:
    """Return what is known of the content of each of *members*, which is read once."""
    large = [path for path, member in members.items() if member.size >= LARGE]
    with ThreadPoolExecutor(cores()) as pool:
        found = pool.map(lambda path: _facts(content, members[path]), large)
        small = (path for path, member in members.items() if member.size < LARGE)
        known = {path: _facts(content, members[path]) for path in small}
        known.update(zip(large, found, strict=True))
    return {path: known[path] for path in members}


def _facts(content: Content, member: LayerEntry) -> Facts:
    strong, quick, keys = hashlib.sha256(), hashlib.md5(usedforsecurity=False), Keys()
    for piece in content.pieces(member):
        strong.update(piece)
        quick.update(piece)
        keys.update(piece)
    return Facts(strong.hexdigest(), quick.hexdigest(), keys.found)


def with_links(members: tuple[LayerEntry, ...]) -> Mapping[str, LayerEntry]:
    """Return what has the content of each file and hard link of *members*, by their paths.

    A hard link whose target is not among them has none.
    """
    files: dict[str, LayerEntry] = {}
    for member in members:
        if member.kind == "file":
            files[member.path] = member
        elif member.kind == "link" and member.target in files:
            files[member.path] = files[member.target]
        else:
            files.pop(member.path, None)
    return files


def fill(file: IO[bytes], stream: IO[bytes], diff_id: str | None, where: str) -> Spool:
    """Write the plain tar in *stream* to *file*; raises ImageInvalid where its digest is wrong.

    That is *diff_id*; without one, *stream* checks itself. Raises FileError where there is no
    room for it.
    """
    digest = hashlib.new(diff_id.partition(":")[0]) if diff_id else None
    size = _copy(stream, file, digest.update if digest else len, where)
    if digest and f"{digest.name}:{digest.hexdigest()}" != diff_id:
        found = f"{digest.name}:{digest.hexdigest()}"
        problem = f"{where}: the layer has the diffID {found}, and {diff_id} is named."
        raise ImageInvalid(problem, "Make or fetch the image anew.")
    file.flush()
    return Spool(FileSlice(file.fileno(), 0, size))


def _copy(stream: IO[bytes], file: IO[bytes], also: Callable[[bytes], object], where: str) -> int:
    """Copy *stream*, and return how many bytes it had."""
    room, size = shutil.disk_usage(tempfile.gettempdir()).free - SPARED, 0
    while piece := stream.read(CHUNK):
        size += len(piece)
        if size > room:
            problem = f"{where}: there is no room for the layer in {tempfile.gettempdir()}."
            raise FileError(problem, "Make room, or set TMPDIR.")
        also(piece)
        file.write(piece)
    return size
