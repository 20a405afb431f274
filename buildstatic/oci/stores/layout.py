"""Images in an OCI layout (github.com/opencontainers/image-spec, image-layout.md)."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from buildstatic.atomic import PREFIX, replace_file
from buildstatic.errors import ImageInvalid, ImageNotFound
from buildstatic.oci.documents import (
    INDEX,
    Descriptor,
    Document,
    blob_path,
    may_be_image,
    parse_descriptor,
    parse_json,
)
from buildstatic.oci.reference import LayoutReference, Reference
from buildstatic.oci.stores.base import Opener, missing_blob
from buildstatic.oci.stream import FileSlice, copy_stream, open_bytes, read_document, verified

REF_NAME = "org.opencontainers.image.ref.name"
VERSION_FILE = "oci-layout"
VERSION = b'{"imageLayoutVersion":"1.0.0"}'
INDEX_FILE = "index.json"


@contextmanager
def read_layout(reference: LayoutReference) -> Iterator[LayoutSource]:
    """Yield the image of *reference*; raises ImageNotFound, ImageInvalid, ImageInvalid."""
    yield LayoutSource(reference)


@contextmanager
def write_layout(reference: LayoutReference) -> Iterator[LayoutTarget]:
    """Yield what writes *reference*; a directory that is not there is made.

    One process writes to a layout at a time. Where the block raises, what it wrote is removed.
    """
    made = [
        each for each in (reference.directory, *reference.directory.parents) if not each.exists()
    ]
    reference.directory.mkdir(parents=True, exist_ok=True)
    with _locked(reference.directory):
        target = LayoutTarget(reference)
        try:
            yield target
        except BaseException:
            target.discard(made)
            raise


class LayoutSource:
    """An image in a layout, to be read."""

    def __init__(self, reference: LayoutReference) -> None:
        self.reference = reference
        self._entries = tuple(_entries(reference.directory, str(reference)))

    def resolve(self) -> Document:
        """Return the manifest or the index of the tag, or of the only image."""
        descriptor = choose(self._entries, self.reference.tag, REF_NAME, str(self.reference))
        with self.open_blob(descriptor) as stream:
            content = read_document(stream, descriptor, str(self.reference))
        return Document(descriptor, content)

    @contextmanager
    def open_blob(self, descriptor: Descriptor) -> Iterator[IO[bytes]]:
        """Open a blob of the layout."""
        with self._open(descriptor) as stream:
            yield verified(stream, descriptor, str(self.reference))

    @contextmanager
    def open_file(self, descriptor: Descriptor) -> Iterator[FileSlice]:
        """Open the file of a blob."""
        with self._open(descriptor) as file:
            yield FileSlice(file.fileno(), 0, os.fstat(file.fileno()).st_size)

    def _open(self, descriptor: Descriptor) -> IO[bytes]:
        try:
            return (self.reference.directory / blob_path(descriptor.digest)).open("rb")
        except FileNotFoundError as error:
            raise missing_blob(descriptor, str(self.reference)) from error


class LayoutTarget:
    """An image in a layout, to be written."""

    platform = None

    def __init__(self, reference: LayoutReference) -> None:
        self.reference = reference
        self._written: list[Path] = []
        self._index = _index(reference.directory, str(reference))

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Tell whether the blob is there, and is what its digest says."""
        try:
            with self._path(descriptor).open("rb") as stream:
                copy_stream(verified(stream, descriptor, str(self.reference)), len)
        except (FileNotFoundError, ImageInvalid):
            return False
        return True

    def mount_blob(self, descriptor: Descriptor, source: Reference) -> bool:  # noqa: ARG002
        """Return False: a blob of another layout is another file."""
        return False

    def put_blob(self, descriptor: Descriptor, content: Opener) -> None:
        """Write the blob beside its place, and rename it once it was read to its end."""
        path = self._path(descriptor)
        path.parent.mkdir(parents=True, exist_ok=True)
        with content() as stream, replace_file(path, mode=0o644) as output:
            copy_stream(stream, output.write)
        self._written.append(path)

    def put_manifest(self, document: Document) -> None:
        """Write the manifest as the blob that it is."""
        if not self.has_blob(document.descriptor):
            self.put_blob(document.descriptor, lambda: open_bytes(document.content))

    def put_image(self, document: Document) -> None:
        """Write the manifest or the index, and the layout's own index last."""
        self.put_manifest(document)
        tag = self.reference.tag
        kept = [each for each in self._index["manifests"] if _tag(each) != tag]
        annotations = {"annotations": {REF_NAME: tag}} if tag else {}
        entry = {**document.descriptor.to_json(), **annotations}
        files = {
            VERSION_FILE: VERSION,
            INDEX_FILE: _dump({**self._index, "manifests": [*kept, entry]}),
        }
        for name, content in files.items():
            with replace_file(self.reference.directory / name, mode=0o644) as output:
                output.write(content)

    def discard(self, directories: list[Path]) -> None:
        """Remove what was written, and of the *directories* those that are empty then."""
        for path in self._written:
            path.unlink(missing_ok=True)
        blobs = self.reference.directory / "blobs"
        for directory in (*blobs.glob("*"), blobs, *directories):
            with suppress(OSError):
                directory.rmdir()

    def _path(self, descriptor: Descriptor) -> Path:
        return self.reference.directory / blob_path(descriptor.digest)


def choose(
    entries: tuple[Descriptor, ...], tag: str | None, annotation: str, where: str
) -> Descriptor:
    """Return the one of *entries* whose *annotation* is *tag*.

    Where that is None, it is the image that has no such annotation, else the only image.
    Raises ImageNotFound, which lists the tags that there are; *where* names the store in it.
    """
    images = [each for each in entries if may_be_image(each)]
    if tag is None:
        untagged = [each for each in images if annotation not in each.annotations]
        found = {each.digest: each for each in untagged or images}
    else:
        named = [each for each in entries if each.annotations.get(annotation) == tag]
        found = {each.digest: each for each in named}
    if len(found) == 1:
        return next(iter(found.values()))
    tags = sorted({each.annotations.get(annotation, "") for each in entries} - {""})
    there = f"There are: {', '.join(tags)}." if tags else "It has no tags."
    if not images:
        raise ImageNotFound(f"{where} holds no image.")
    if tag is None:
        raise ImageNotFound(f"{where} holds {len(images)} images.", f"Name one. {there}")
    raise ImageNotFound(f"{where}: there is no such tag.", there)


def entries_of(index: dict[str, Any], where: str) -> Iterator[Descriptor]:
    """Yield the images of a layout's *index*; raises ImageInvalid."""
    for value in _manifests(index, where):
        descriptor = parse_descriptor(value, where)
        if not descriptor.media_type:
            raise ImageInvalid(f"{where}: {descriptor.digest} has no media type.")
        yield descriptor


def _entries(directory: Path, where: str) -> Iterator[Descriptor]:
    if not directory.exists():
        raise ImageNotFound(f"{where}: there is no directory {directory}.")
    if not (directory / VERSION_FILE).is_file() or not (directory / INDEX_FILE).is_file():
        raise ImageInvalid(f"{where}: {directory} is no OCI layout, it has no {INDEX_FILE}.")
    yield from entries_of(_index(directory, where), where)


def _index(directory: Path, where: str) -> dict[str, Any]:
    path = directory / INDEX_FILE
    if path.is_file():
        index = parse_json(path.read_bytes(), f"{where}: {INDEX_FILE}")
        return {**index, "manifests": _manifests(index, where)}
    if any(not each.name.startswith(("blobs", PREFIX)) for each in directory.iterdir()):
        problem = f"{where}: {directory} holds other things, and is no OCI layout."
        raise ImageInvalid(problem, "Name an empty directory, or one that is not there.")
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}


def _manifests(index: dict[str, Any], where: str) -> list[dict[str, Any]]:
    found = index.get("manifests")
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ImageInvalid(f"{where}: {INDEX_FILE} has no list of manifests.")
    return found


def _tag(entry: dict[str, Any]) -> str | None:
    tag: str | None = (entry.get("annotations") or {}).get(REF_NAME)
    return tag


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
