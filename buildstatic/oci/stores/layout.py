"""Images in an OCI layout (https://github.com/opencontainers/image-spec, image-layout.md)."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from buildstatic.atomic import PREFIX, remove_abandoned, replace_file
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
from buildstatic.oci.stream import (
    MAX_DOCUMENT_SIZE,
    FileSlice,
    copy_stream,
    open_bytes,
    read_document,
    verified,
)

REF_NAME = "org.opencontainers.image.ref.name"
VERSION_FILE = "oci-layout"
VERSION = b'{"imageLayoutVersion":"1.0.0"}'
INDEX_FILE = "index.json"


@contextmanager
def read_layout(reference: LayoutReference) -> Iterator[LayoutSource]:
    """Yield the image of *reference*; raises ImageNotFound, ImageInvalid."""
    yield LayoutSource(reference)


@contextmanager
def write_layout(reference: LayoutReference) -> Iterator[LayoutTarget]:
    """Yield a writer of *reference*, which creates the directory.

    The layout is locked for other processes. If the block raises, what was written is removed.
    """
    directory = reference.directory
    created = [path for path in (directory, *directory.parents) if not path.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    lock = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        target = LayoutTarget(reference)
        try:
            yield target
        except BaseException:
            target.discard(created)
            raise
    finally:
        os.close(lock)


class LayoutSource:
    """An image in a layout, to be read."""

    def __init__(self, reference: LayoutReference) -> None:
        directory, where = reference.directory, str(reference)
        if not directory.exists():
            raise ImageNotFound(f"{where}: {directory} does not exist.")
        if not (directory / VERSION_FILE).is_file() or not (directory / INDEX_FILE).is_file():
            problem = f"{where}: {directory} is not an OCI layout: it has no {INDEX_FILE}."
            raise ImageInvalid(problem)
        self.reference = reference
        index = parse_json(_read_index(directory), f"{where}: {INDEX_FILE}")
        self._entries = parse_entries(index, where)

    def resolve(self) -> Document:
        """Return the manifest or index of the tag, or of the only image."""
        where = str(self.reference)
        descriptor = choose_entry(self._entries, self.reference.tag, REF_NAME, where)
        with self.open_blob(descriptor) as stream:
            return Document(descriptor, read_document(stream, descriptor, where))

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
            return open_regular(self.reference.directory / blob_path(descriptor.digest))
        except OSError as error:
            raise missing_blob(descriptor, str(self.reference)) from error


class LayoutTarget:
    """An image in a layout, to be written."""

    platform = None

    def __init__(self, reference: LayoutReference) -> None:
        directory, where = reference.directory, str(reference)
        self.reference = reference
        self._written: list[Path] = []
        self._index: dict[str, Any] = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
        if (directory / INDEX_FILE).is_file():
            self._index = parse_json(_read_index(directory), f"{where}: {INDEX_FILE}")
            _check_manifests(self._index, where)
        elif any(not path.name.startswith(("blobs", PREFIX)) for path in directory.iterdir()):
            problem = f"{where}: {directory} contains other files and is not an OCI layout."
            raise ImageInvalid(problem, "Use an empty or new directory.")
        for place in (directory, *directory.glob("blobs/*")):
            remove_abandoned(place)

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Return whether the blob exists and matches its digest."""
        try:
            with open_regular(self._path(descriptor)) as stream:
                copy_stream(verified(stream, descriptor, str(self.reference)), len)
        except (OSError, ImageInvalid):
            return False
        return True

    def mount_blob(self, descriptor: Descriptor, source: Reference) -> bool:  # noqa: ARG002
        """Return False: a layout has its own files."""
        return False

    def put_blob(self, descriptor: Descriptor, content: Opener) -> None:
        """Write the blob to a temporary file and rename it once it is complete."""
        path = self._path(descriptor)
        path.parent.mkdir(parents=True, exist_ok=True)
        with content() as stream, replace_file(path, mode=0o644) as output:
            copy_stream(stream, output.write)
        self._written.append(path)

    def put_manifest(self, document: Document) -> None:
        """Write the manifest as a blob."""
        if not self.has_blob(document.descriptor):
            self.put_blob(document.descriptor, lambda: open_bytes(document.content))

    def put_image(self, document: Document) -> None:
        """Write the manifest or index, then the index of the layout."""
        self.put_manifest(document)
        tag = self.reference.tag
        entry = document.descriptor.to_json()
        if tag:
            entry["annotations"] = {REF_NAME: tag}
        others = [
            other
            for other in self._index["manifests"]
            if (other.get("annotations") or {}).get(REF_NAME) != tag
        ]
        index = {**self._index, "manifests": [*others, entry]}
        content = json.dumps(index, separators=(",", ":"), ensure_ascii=False).encode()
        for name, text in ((VERSION_FILE, VERSION), (INDEX_FILE, content)):
            with replace_file(self.reference.directory / name, mode=0o644) as output:
                output.write(text)

    def discard(self, created: list[Path]) -> None:
        """Remove the blobs that were written, and of the *created* directories the empty ones."""
        for path in self._written:
            path.unlink(missing_ok=True)
        blobs = self.reference.directory / "blobs"
        for directory in (*blobs.glob("*"), blobs, *created):
            with suppress(OSError):
                directory.rmdir()

    def _path(self, descriptor: Descriptor) -> Path:
        return self.reference.directory / blob_path(descriptor.digest)


class NotRegular(OSError):
    """A path is not that of a regular file."""


def open_regular(path: Path) -> IO[bytes]:
    """Open the file *path* to read it; raises NotRegular for a FIFO, which could block."""
    file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")  # noqa: PTH123, SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise NotRegular(errno.EINVAL, "not a regular file", str(path))
    return file


def _read_index(directory: Path) -> bytes:
    with open_regular(directory / INDEX_FILE) as file:
        content = file.read(MAX_DOCUMENT_SIZE + 1)
    if len(content) > MAX_DOCUMENT_SIZE:
        raise ImageInvalid(f"{directory / INDEX_FILE} is larger than {MAX_DOCUMENT_SIZE} bytes.")
    return content


def parse_entries(index: dict[str, Any], where: str) -> tuple[Descriptor, ...]:
    """Return the entries of a layout's *index*; raises ImageInvalid, which names *where*."""
    _check_manifests(index, where)
    entries = tuple(parse_descriptor(value, where) for value in index["manifests"])
    for entry in entries:
        if not entry.media_type:
            raise ImageInvalid(f"{where}: {entry.digest} has no media type.")
    return entries


def choose_entry(
    entries: tuple[Descriptor, ...], tag: str | None, annotation: str, where: str
) -> Descriptor:
    """Return the one of *entries* whose *annotation* is *tag*.

    Without a tag it is the image without that annotation, else the only image. Raises
    ImageNotFound, which lists the tags; *where* names the store in it.
    """
    images = [entry for entry in entries if may_be_image(entry)]
    if tag is None:
        untagged = [entry for entry in images if annotation not in entry.annotations]
        found = {entry.digest: entry for entry in untagged or images}
    else:
        tagged = [entry for entry in entries if entry.annotations.get(annotation) == tag]
        found = {entry.digest: entry for entry in tagged}
    if len(found) == 1:
        return next(iter(found.values()))
    if not images:
        raise ImageNotFound(f"{where} contains no image.")
    tags = sorted({entry.annotations.get(annotation, "") for entry in entries} - {""})
    available = f"Available: {', '.join(tags)}." if tags else "It has no tags."
    if tag is None:
        problem = f"{where} contains {len(images)} images."
        raise ImageNotFound(problem, f"Add a tag to the reference. {available}")
    raise ImageNotFound(f"{where}: the tag does not exist.", available)


def _check_manifests(index: dict[str, Any], where: str) -> None:
    manifests = index.get("manifests")
    if not isinstance(manifests, list) or not all(isinstance(entry, dict) for entry in manifests):
        raise ImageInvalid(f"{where}: {INDEX_FILE} has no list of manifests.")
