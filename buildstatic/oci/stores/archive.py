"""Reads images from one file: of ``docker save``, skopeo or BuildKit (``type=oci``).

Since Docker 25 that is an OCI layout in a tar, with the older manifest.json beside its index.json
(docs.docker.com/reference/cli/docker/image/save); before, manifest.json alone.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast

from buildstatic.errors import ImageInvalid, ImageNotFound
from buildstatic.oci.documents import (
    CONFIG,
    LAYER,
    MANIFEST,
    Descriptor,
    Document,
    Manifest,
    blob_path,
    parse_json,
)
from buildstatic.oci.reference import ArchiveReference, Reference, full_name
from buildstatic.oci.stores.base import missing_blob
from buildstatic.oci.stores.layout import INDEX_FILE, REF_NAME, choose, entries_of
from buildstatic.oci.stream import CHUNK, MAX_DOCUMENT_SIZE, FileSlice, read_document, verified

CONTAINERD_NAME = "io.containerd.image.name"
MANIFEST_FILE = "manifest.json"
_COMPRESSED = {b"\x1f\x8b": "+gzip", b"\x28\xb5": "+zstd"}


@contextmanager
def read_archive(reference: ArchiveReference) -> Iterator[ArchiveSource]:
    """Yield the image of *reference*; raises ImageNotFound, ImageInvalid, ImageInvalid."""
    if not reference.file.exists():
        raise ImageNotFound(f"{reference}: there is no file {reference.file}.")
    with open_archive(reference.file, reference, reference.name) as source:
        yield source


@contextmanager
def open_archive(path: Path, reference: Reference, name: str | None) -> Iterator[ArchiveSource]:
    """Yield the image *name* in the archive at *path*, which the person knows as *reference*."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(_plain(path))
            archive = stack.enter_context(tarfile.open(fileobj=file, mode="r:"))
            members = {posixpath.normpath(member.name): member for member in archive}
        except (tarfile.TarError, EOFError, IsADirectoryError) as error:
            raise ImageInvalid(f"{reference}: {path} is no archive: {error}.") from error
        yield ArchiveSource(reference, name, archive, members)


class ArchiveSource:
    """An image in an archive, to be read."""

    def __init__(
        self,
        reference: Reference,
        name: str | None,
        archive: tarfile.TarFile,
        members: Mapping[str, tarfile.TarInfo],
    ) -> None:
        self.reference = reference
        self._where = str(reference)
        self._name = name
        self._archive = archive
        self._members = members
        self._places: dict[str, str] = {}

    def resolve(self) -> Document:
        """Return the manifest or index; where the archive has none, one is made of its files."""
        if INDEX_FILE in self._members:
            index = parse_json(self._read(INDEX_FILE), f"{self._where}: {INDEX_FILE}")
            descriptor = self._choose(tuple(entries_of(index, self._where)))
            with self.open_blob(descriptor) as stream:
                return Document(descriptor, read_document(stream, descriptor, self._where))
        if MANIFEST_FILE in self._members:
            return self._older()
        problem = f"{self._where}: the archive has neither {INDEX_FILE} nor {MANIFEST_FILE}."
        raise ImageInvalid(problem, "Write it with `docker save` or `skopeo copy`.")

    @contextmanager
    def open_blob(self, descriptor: Descriptor) -> Iterator[IO[bytes]]:
        """Open a blob in the archive."""
        with self._open(self._member(descriptor)) as stream:
            yield verified(stream, descriptor, self._where)

    @contextmanager
    def open_file(self, descriptor: Descriptor) -> Iterator[FileSlice]:
        """Return where in the archive a blob is."""
        member, file = self._member(descriptor), cast(IO[bytes], self._archive.fileobj)
        yield FileSlice(file.fileno(), member.offset_data, member.size)

    def _member(self, descriptor: Descriptor) -> tarfile.TarInfo:
        place = self._places.get(descriptor.digest, blob_path(descriptor.digest))
        member = self._find(place)
        if member is None:
            raise missing_blob(descriptor, self._where)
        return member

    def _choose(self, entries: tuple[Descriptor, ...]) -> Descriptor:
        name = self._name
        if name is None:
            return choose(entries, None, CONTAINERD_NAME, self._where)
        full = full_name(name)
        known = [(CONTAINERD_NAME, full), (REF_NAME, name), (REF_NAME, full.rpartition(":")[2])]
        for annotation, tag in known:
            if any(each.annotations.get(annotation) == tag for each in entries):
                return choose(entries, tag, annotation, self._where)
        return choose(entries, name, CONTAINERD_NAME, self._where)

    def _older(self) -> Document:
        entry = self._older_entry()
        config = self._blob(str(entry.get("Config")), CONFIG)
        layers = tuple(self._layer(str(name)) for name in entry.get("Layers") or ())
        return Manifest(MANIFEST, config, layers).to_document()

    def _older_entry(self) -> dict[str, Any]:
        where = f"{self._where}: {MANIFEST_FILE}"
        try:
            entries = json.loads(self._read(MANIFEST_FILE))
        except ValueError as error:
            raise ImageInvalid(f"{where} is no JSON: {error}.") from error
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            raise ImageInvalid(f"{where} is no list of images.")
        name = self._name
        tags = [tag for each in entries for tag in each.get("RepoTags") or ()]
        found = [
            each
            for each in entries
            if name is None or full_name(name) in map(full_name, each.get("RepoTags") or ())
        ]
        if len(found) != 1:
            count = "several images" if found else "no such image"
            raise ImageNotFound(f"{where} has {count}.", f"There are: {', '.join(tags) or 'none'}.")
        entry: dict[str, Any] = found[0]
        return entry

    def _layer(self, place: str) -> Descriptor:
        member = self._find(place)
        if member is None:
            raise ImageInvalid(f"{self._where}: the layer {place} is missing.")
        with self._open(member) as stream:
            return self._blob(place, LAYER + _COMPRESSED.get(stream.read(2), ""))

    def _blob(self, place: str, media_type: str) -> Descriptor:
        member = self._find(place)
        if member is None:
            raise ImageInvalid(f"{self._where}: {place} is missing.")
        with self._open(member) as stream:
            digest = f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"  # type: ignore[arg-type]
        self._places[digest] = place
        return Descriptor(media_type, digest, member.size)

    def _find(self, place: str) -> tarfile.TarInfo | None:
        """Return the file at *place*; skopeo and Docker before 25 have links to layers."""
        for _ in range(8):
            member = self._members.get(posixpath.normpath(place))
            if member is None or member.isreg():
                return member
            if not member.issym():
                return None
            place = posixpath.join(posixpath.dirname(place), member.linkname)
        return None

    def _read(self, place: str) -> bytes:
        member = self._find(place)
        if member is None or member.size > MAX_DOCUMENT_SIZE:
            raise ImageInvalid(f"{self._where}: {place} is no file, or no document's size.")
        with self._open(member) as stream:
            return stream.read()

    def _open(self, member: tarfile.TarInfo) -> IO[bytes]:
        stream = self._archive.extractfile(member)
        assert stream is not None
        return stream


@contextmanager
def _plain(path: Path) -> Iterator[IO[bytes]]:
    """Yield the file at *path*, out of its gzip, bzip2 or xz where it is in one."""
    with path.open("rb") as file:
        start = file.read(6)
        file.seek(0)
        opener = next((each for mark, each in _PACKED.items() if start.startswith(mark)), None)
        if opener is None:
            yield file
            return
        with tempfile.TemporaryFile(prefix="buildstatic-") as plain, opener(file) as packed:
            while chunk := _unpack(packed):
                plain.write(chunk)
            plain.seek(0)
            yield plain


def _unpack(packed: IO[bytes]) -> bytes:
    """Return the next bytes of *packed*; raises ReadError, as tarfile does, where it is spoilt."""
    import lzma
    import zlib

    try:
        return packed.read(CHUNK)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise tarfile.ReadError(f"it cannot be unpacked: {error}") from error


def _gzip(file: IO[bytes]) -> IO[bytes]:
    import gzip

    return cast(IO[bytes], gzip.open(file))


def _xz(file: IO[bytes]) -> IO[bytes]:
    import lzma

    return lzma.open(file)


def _bzip2(file: IO[bytes]) -> IO[bytes]:
    import bz2

    return cast(IO[bytes], bz2.open(file))


_PACKED = {b"\x1f\x8b": _gzip, b"\xfd7zXZ\x00": _xz, b"BZh": _bzip2}
