"""Images in one tar file, as written by ``docker save``, skopeo or BuildKit (``type=oci``).

Since Docker 25 it contains an OCI layout, and the older manifest.json beside its index.json
(https://docs.docker.com/reference/cli/docker/image/save/); before, only manifest.json. A file that
is written here has both: every engine and skopeo read manifest.json, index.json has all platforms.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import posixpath
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast

from buildstatic.atomic import remove_abandoned, replace_file
from buildstatic.errors import ImageInvalid, ImageNotFound
from buildstatic.oci.documents import (
    CONFIG,
    INDEX,
    LAYER,
    MANIFEST,
    MAX_ENTRIES,
    Descriptor,
    Document,
    Index,
    Manifest,
    blob_path,
    images_in,
    parse_json,
    parse_manifest,
)
from buildstatic.oci.reference import ArchiveReference, Reference, full_name, with_tag
from buildstatic.oci.stores.base import Opener, missing_blob
from buildstatic.oci.stores.layout import (
    INDEX_FILE,
    REF_NAME,
    VERSION,
    VERSION_FILE,
    NotRegular,
    choose_entry,
    open_regular,
    parse_entries,
)
from buildstatic.oci.stream import CHUNK, MAX_DOCUMENT_SIZE, FileSlice, read_document, verified

CONTAINERD_NAME = "io.containerd.image.name"
MANIFEST_FILE = "manifest.json"
MAX_MEMBERS = 100_000
# The suffix of a layer's media type by its first bytes.
LAYER_SUFFIXES = {b"\x1f\x8b": "+gzip", b"\x28\xb5": "+zstd"}
# The module that decompresses an archive, by its first bytes.
COMPRESSED = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\x00": "lzma", b"BZh": "bz2"}


@contextmanager
def read_archive(reference: ArchiveReference) -> Iterator[ArchiveSource]:
    """Yield the image of *reference*; raises ImageNotFound, ImageInvalid."""
    if not reference.file.exists():
        raise ImageNotFound(f"{reference}: {reference.file} does not exist.")
    with open_archive(reference.file, reference, reference.name) as source:
        yield source


@contextmanager
def open_archive(path: Path, reference: Reference, name: str | None) -> Iterator[ArchiveSource]:
    """Yield the image *name* in the archive *path*; errors mention *reference*."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(_decompressed(path))
            limited = cast(IO[bytes], _LimitedReads(file))
            archive = stack.enter_context(tarfile.open(fileobj=limited, mode="r:"))
            members = _members(archive)
        except (tarfile.TarError, EOFError, NotRegular, ValueError, OverflowError) as error:
            raise ImageInvalid(f"{reference}: {path} is not an archive: {error}.") from error
        yield ArchiveSource(reference, name, archive, members)


class _LimitedReads:
    """The file of an archive, for which no header makes tarfile read much at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.tell, self.fileno, self.seekable = file.tell, file.fileno, file.seekable

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._file.seek(position, whence)
        except OSError as error:  # beyond the largest offset
            raise tarfile.ReadError(f"a header leads to byte {position}") from error

    def read(self, count: int = -1) -> bytes:
        if not 0 <= count <= MAX_DOCUMENT_SIZE:
            raise tarfile.ReadError(f"a header claims {count} bytes")
        return self._file.read(count)


def _members(archive: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """Return the members by name; raises ReadError for a negative size, or for too many."""
    members: dict[str, tarfile.TarInfo] = {}
    count = 0
    while member := archive.next():
        count += 1
        if member.size < 0 or archive.offset <= member.offset:
            raise tarfile.ReadError(f"{member.name} has the size {member.size}")
        if count > MAX_MEMBERS:
            raise tarfile.ReadError(f"it has more than {MAX_MEMBERS} members")
        members[posixpath.normpath(member.name)] = member
    return members


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
        # The paths of blobs that are not where an OCI layout has them.
        self._paths: dict[str, str] = {}

    def resolve(self) -> Document:
        """Return the manifest or index; without an index.json it is made from manifest.json."""
        if INDEX_FILE in self._members:
            index = parse_json(self._read(INDEX_FILE), f"{self._where}: {INDEX_FILE}")
            descriptor = self._choose_entry(parse_entries(index, self._where))
            with self.open_blob(descriptor) as stream:
                return Document(descriptor, read_document(stream, descriptor, self._where))
        if MANIFEST_FILE not in self._members:
            problem = f"{self._where}: the archive has neither {INDEX_FILE} nor {MANIFEST_FILE}."
            raise ImageInvalid(problem, "Write it with `docker save` or `skopeo copy`.")
        entry = self._legacy_entry()
        config = self._describe(str(entry.get("Config")), CONFIG)
        paths = entry.get("Layers") or []
        if not isinstance(paths, list) or len(paths) > MAX_ENTRIES:
            raise ImageInvalid(f"{self._where}: {MANIFEST_FILE} has no valid list of layers.")
        layers = tuple(self._describe(str(path)) for path in paths)
        return Manifest(MANIFEST, config, layers).to_document()

    @contextmanager
    def open_blob(self, descriptor: Descriptor) -> Iterator[IO[bytes]]:
        """Open a blob in the archive."""
        with self._open(self._blob(descriptor)) as stream:
            yield verified(stream, descriptor, self._where)

    @contextmanager
    def open_file(self, descriptor: Descriptor) -> Iterator[FileSlice]:
        """Return the position of a blob in the archive."""
        member, file = self._blob(descriptor), cast(IO[bytes], self._archive.fileobj)
        yield FileSlice(file.fileno(), member.offset_data, member.size)

    def _choose_entry(self, entries: tuple[Descriptor, ...]) -> Descriptor:
        name = self._name
        if name is not None:
            full = full_name(name)
            tag = full.rpartition(":")[2]
            # Docker annotates the full name, skopeo's oci-archive an arbitrary tag.
            for annotation, value in ((CONTAINERD_NAME, full), (REF_NAME, name), (REF_NAME, tag)):
                if any(entry.annotations.get(annotation) == value for entry in entries):
                    return choose_entry(entries, value, annotation, self._where)
        return choose_entry(entries, name, CONTAINERD_NAME, self._where)

    def _legacy_entry(self) -> dict[str, Any]:
        """Return the entry of the image in manifest.json."""
        where = f"{self._where}: {MANIFEST_FILE}"
        try:
            entries = json.loads(self._read(MANIFEST_FILE))
        except (ValueError, RecursionError) as error:
            raise ImageInvalid(f"{where} is not JSON: {error}.") from error
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ImageInvalid(f"{where} is not a list of images.")
        found: list[dict[str, Any]] = [
            entry
            for entry in entries
            if self._name is None or full_name(self._name) in map(full_name, _tags(entry))
        ]
        if len(found) != 1:
            names = [name for entry in entries for name in _tags(entry)]
            problem = f"{where} contains {'several images' if found else 'no such image'}."
            raise ImageNotFound(problem, f"Available: {', '.join(names) or 'none'}.")
        return found[0]

    def _describe(self, path: str, media_type: str = "") -> Descriptor:
        """Return a descriptor of the file at *path*: a layer unless *media_type* is given."""
        member = self._find(path)
        if member is None:
            raise ImageInvalid(f"{self._where}: {path} is missing.")
        with self._open(member) as stream:
            media_type = media_type or LAYER + LAYER_SUFFIXES.get(stream.read(2), "")
            stream.seek(0)
            digest = f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"  # type: ignore[arg-type]
        self._paths[digest] = path
        return Descriptor(media_type, digest, member.size)

    def _blob(self, descriptor: Descriptor) -> tarfile.TarInfo:
        path = self._paths.get(descriptor.digest, blob_path(descriptor.digest))
        member = self._find(path)
        if member is None:
            raise missing_blob(descriptor, self._where)
        return member

    def _find(self, path: str) -> tarfile.TarInfo | None:
        """Return the regular file at *path*; skopeo and Docker before 25 write links to layers."""
        for _ in range(8):
            member = self._members.get(posixpath.normpath(path))
            if member is None or member.isreg():
                return member
            if not member.issym():
                return None
            path = posixpath.join(posixpath.dirname(path), member.linkname)
        return None

    def _read(self, path: str) -> bytes:
        member = self._find(path)
        if member is None or member.size > MAX_DOCUMENT_SIZE:
            raise ImageInvalid(f"{self._where}: {path} is not a regular file or is too large.")
        with self._open(member) as stream:
            return stream.read()

    def _open(self, member: tarfile.TarInfo) -> IO[bytes]:
        stream = self._archive.extractfile(member)
        assert stream is not None
        return stream


def _tags(entry: Mapping[str, Any]) -> list[str]:
    tags = entry.get("RepoTags")
    return [str(tag) for tag in tags] if isinstance(tags, list) else []


@contextmanager
def _decompressed(path: Path) -> Iterator[IO[bytes]]:
    """Yield the file at *path*, decompressed to a temporary file if it is gzip, bzip2 or xz."""
    with open_regular(path) as file:
        start = file.read(6)
        file.seek(0)
        module = next((name for magic, name in COMPRESSED.items() if start.startswith(magic)), None)
        if module is None:
            yield file
            return
        library = import_module(module)
        errors = (OSError, EOFError, zlib.error, getattr(library, "LZMAError", EOFError))
        with tempfile.TemporaryFile(prefix="buildstatic-") as plain, library.open(file) as stream:
            while True:
                # An error of the temporary file, such as a full disk, is not one of the archive.
                try:
                    chunk = stream.read(CHUNK)
                except errors as error:
                    raise tarfile.ReadError(f"decompression failed: {error}") from error
                if not chunk:
                    break
                plain.write(chunk)
            plain.seek(0)
            yield plain


@contextmanager
def write_archive(reference: ArchiveReference) -> Iterator[ArchiveTarget]:
    """Yield a writer of *reference*; the file is replaced if the block succeeds."""
    remove_abandoned(reference.file.parent)
    with (
        replace_file(reference.file, mode=0o644) as output,
        tarfile.open(fileobj=output, mode="w") as archive,
    ):
        yield ArchiveTarget(reference, archive, reference.name)


class ArchiveTarget:
    """An image in an archive, to be written."""

    def __init__(
        self,
        reference: Reference,
        archive: tarfile.TarFile,
        name: str | None,
        platform: str | None = None,
    ) -> None:
        self.reference = reference
        self.platform = platform
        self._archive = archive
        self._name = with_tag(name) if name else None
        self._written: set[str] = set()
        self._manifests: dict[str, Manifest | Index] = {}

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Return whether the blob was written already."""
        return descriptor.digest in self._written

    def mount_blob(self, descriptor: Descriptor, source: Reference) -> bool:  # noqa: ARG002
        """Return False: an archive has its own content."""
        return False

    def put_blob(self, descriptor: Descriptor, content: Opener) -> None:
        """Write the blob."""
        with content() as stream:
            self._add(blob_path(descriptor.digest), stream, descriptor.size)
        self._written.add(descriptor.digest)

    def put_manifest(self, document: Document) -> None:
        """Write the manifest as a blob."""
        descriptor = document.descriptor
        self._add_bytes(blob_path(descriptor.digest), document.content)
        self._written.add(descriptor.digest)
        self._manifests[descriptor.digest] = parse_manifest(document, str(self.reference))

    def put_image(self, document: Document) -> None:
        """Write the manifest or index, then index.json and manifest.json.

        Raises ImageInvalid if the image for manifest.json has a foreign layer.
        """
        self.put_manifest(document)
        entry = document.descriptor.to_json()
        entry["annotations"] = {}
        if self._name:
            tag = self._name.rpartition(":")[2]
            entry["annotations"] = {CONTAINERD_NAME: full_name(self._name), REF_NAME: tag}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
        # manifest.json has one platform only.
        image = self._own_image(document.descriptor)
        for layer in image.layers:
            if not self.has_blob(layer):
                problem = f"{self.reference} must contain the whole image, but layer {layer.digest}"
                problem += f" is stored elsewhere ({layer.media_type})."
                raise ImageInvalid(problem, "Write the image to a registry or an OCI layout.")
        legacy = {
            "Config": blob_path(image.config.digest),
            "RepoTags": [self._name] if self._name else None,
            "Layers": [blob_path(layer.digest) for layer in image.layers],
        }
        self._add_bytes(INDEX_FILE, json.dumps(index).encode())
        self._add_bytes(MANIFEST_FILE, json.dumps([legacy]).encode())
        self._add_bytes(VERSION_FILE, VERSION)

    def _own_image(self, descriptor: Descriptor) -> Manifest:
        """Return the image, of an index the one for this machine, else the first."""
        found = self._manifests[descriptor.digest]
        if isinstance(found, Manifest):
            return found
        images = list(images_in(found, lambda entry: self._manifests[entry.digest]))
        own = next((image for image in images if image.is_for(machine())), images[0])
        return self._own_image(own)

    def _add_bytes(self, path: str, content: bytes) -> None:
        self._add(path, io.BytesIO(content), len(content))

    def _add(self, path: str, content: IO[bytes], size: int) -> None:
        member = tarfile.TarInfo(path)
        member.size = size
        self._archive.addfile(member, content)


def machine() -> str:
    """Return the platform of this machine, such as ``linux/amd64``."""
    known = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7"}
    return f"linux/{known.get(platform.machine(), platform.machine())}"
