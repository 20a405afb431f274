"""Writes a tree as an OCI layer, the same layer that BuildKit makes of it, without an engine."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from buildstatic.collect.codecs import FORMATS
from buildstatic.collect.layer_root import sorted_manifest
from buildstatic.collect.publish import EPOCH, content_time
from buildstatic.errors import FileError
from buildstatic.oci.layer_compressor import Compression, LayerCompressor, SourceReadError
from buildstatic.oci.layer_reader import WHITEOUT
from buildstatic.oci.tar_headers import (
    DIRECTORY,
    END_OF_ARCHIVE,
    FILE,
    LINK,
    TarEntry,
    padding,
    tar_header,
)

MANIFEST = "staticfiles.json"
# OCI image-spec, layer.md, "Media Types"
MEDIA_TYPES: dict[Compression, str] = {
    "none": "application/vnd.oci.image.layer.v1.tar",
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
}
# The annotation in which containerd and BuildKit look for a diffID (containerd, core/labels)
DIFF_ID = "containerd.io/uncompressed"
_VARIANT_SUFFIXES = tuple(f".{suffix}".encode() for suffix in FORMATS)
# A symlink or FIFO that replaces a file is neither followed nor waited for.
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHANGED_ERRORS = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE)


@dataclass(frozen=True)
class WrittenLayer:
    """A layer that was written: the fields of an OCI descriptor, and a summary of its content.

    *digest* and *size* are those of the bytes written, *diff_id* is the digest of the tar in them.
    *files* is the number of file names, *bytes* their size; hard links count once. *tree* is the
    directory in the image that contains all files, an absolute path: the manifest's if possible;
    empty if it is not known.
    """

    media_type: str
    digest: str
    size: int
    diff_id: str
    files: int
    bytes: int
    tree: str = ""


def write_layer(
    root: Path, output: IO[bytes], compression: Compression = "gzip", threads: int = 1
) -> WrittenLayer:
    """Write the layer root *root* to *output* as the layer that BuildKit makes of it.

    That is the layer of ``FROM scratch`` and ``COPY --link --from=static /layer/ /``, with the same
    diffID. The bytes depend on the tree, on *compression* and on the versions of the libraries, not
    on the number of *threads* that compress.

    Raises FileError if the tree cannot be read or changes, and any OSError of *output*; then the
    output is incomplete.
    """
    directory = os.fsencode(root)
    return _write(directory, _layer_root_entries(directory), output, compression, threads)


def write_tree(
    tree: Path,
    path: PurePosixPath,
    output: IO[bytes],
    compression: Compression = "gzip",
    threads: int = 1,
) -> WrittenLayer:
    """Write the collected *tree*, which is at *path* in the image, like `write_layer`.

    The result is the layer of ``buildstatic collect --layer-root``; the times, modes and links of
    *tree* do not matter. Raises the same errors.
    """
    directory = os.fsencode(tree)
    layer = _write(directory, _tree_entries(directory, path), output, compression, threads)
    return replace(layer, tree=str(path))


def write_whiteouts(paths: Iterable[str], output: IO[bytes]) -> WrittenLayer:
    """Write the layer that deletes the files *paths*, relative to the root, of the layers below.

    It depends on the paths only (OCI image-spec, layer.md, "Whiteouts").
    """
    entries: dict[bytes, TarEntry] = {}
    for path in map(PurePosixPath, paths):
        entries |= {each.name: each for each in directory_entries("/" / path.parent)}
        name = os.fsencode(path.with_name(f"{WHITEOUT}{path.name}"))
        entries[name] = TarEntry(name, FILE, 0o644, EPOCH)
    ordered = sorted(entries.values(), key=lambda entry: entry.name.rstrip(b"/").split(b"/"))
    return _write(b"", ((entry, b"") for entry in ordered), output, "gzip", 1)


def descriptor(layer: WrittenLayer) -> dict[str, Any]:
    """Return the OCI descriptor of *layer*, with annotations for its content."""
    return {
        "mediaType": layer.media_type,
        "digest": layer.digest,
        "size": layer.size,
        "annotations": {
            DIFF_ID: layer.diff_id,
            "buildstatic.files": str(layer.files),
            "buildstatic.bytes": str(layer.bytes),
        },
    }


def directory_entries(path: PurePosixPath) -> Iterator[TarEntry]:
    """Yield the directories down to and including *path*, an absolute path."""
    for directory in (*reversed(path.parents), path):
        if directory.name:
            yield _directory_entry(os.fsencode(directory.relative_to("/")))


def read_error(root: bytes, name: bytes, error: OSError) -> FileError:
    """Return the exception for *error*, which reading *name* in *root* raised."""
    if error.errno in _CHANGED_ERRORS:
        return _changed_error(root, name)
    problem = f"Cannot read {_printable_path(root, name)}: {error.strerror}."
    return FileError(problem, "Make it readable.")


def _write(
    root: bytes,
    entries: Iterable[tuple[TarEntry, _Found | bytes]],
    output: IO[bytes],
    compression: Compression,
    threads: int,
) -> WrittenLayer:
    files = size = 0
    directories: set[bytes] = set()
    manifests: list[bytes] = []
    with LayerCompressor(output, compression, threads) as compressor:
        for entry, content in entries:
            compressor.write(tar_header(entry))
            size += entry.size
            if entry.kind == DIRECTORY:
                continue
            files += 1
            directory, _, name = entry.name.rpartition(b"/")
            directories.add(directory)
            if name == MANIFEST.encode():
                manifests.append(directory)
            if entry.kind == FILE:
                if isinstance(content, bytes):
                    compressor.write(content)
                else:
                    try:
                        if not compressor.write_file(content.file, entry.size):
                            raise _changed_error(root, content.name)
                    except SourceReadError as failure:
                        raise read_error(root, content.name, failure.error) from failure
                compressor.write_zeros(padding(entry.size))
        compressor.write(END_OF_ARCHIVE)
        result = compressor.finish()
    common = os.path.commonpath(directories) if directories else b""
    if len(manifests) == 1 and (common + b"/").startswith(manifests[0] + b"/"):
        common = manifests[0]
    tree = f"/{os.fsdecode(common)}" if common else ""
    media_type = MEDIA_TYPES[compression]
    return WrittenLayer(media_type, result.digest, result.size, result.diff_id, files, size, tree)


def _layer_root_entries(root: bytes) -> Iterator[tuple[TarEntry, _Found | bytes]]:
    """Yield the entries of a layer root: modes, times and hard links as on disk.

    With each entry comes its content: an open file, or bytes that replace it.
    """
    first_names: dict[tuple[int, int], tuple[bytes, int]] = {}
    for found in _walk(root):
        status = found.status
        mode, mtime = stat.S_IMODE(status.st_mode), status.st_mtime_ns // 1_000_000_000
        if stat.S_ISDIR(status.st_mode):
            yield TarEntry(found.name + b"/", DIRECTORY, mode, mtime), b""
            continue
        first = b""
        if status.st_nlink > 1:
            # Forgotten after the last name, so that memory does not grow with all links.
            key = status.st_dev, status.st_ino
            first, remaining = first_names.pop(key, (b"", status.st_nlink))
            if remaining > 1:
                first_names[key] = first or found.name, remaining - 1
        if first:
            yield TarEntry(found.name, LINK, mode, mtime, link=first), b""
        else:
            yield TarEntry(found.name, FILE, mode, mtime, status.st_size), found


def _tree_entries(tree: bytes, path: PurePosixPath) -> Iterator[tuple[TarEntry, _Found | bytes]]:
    """Yield the entries of the collected *tree* at *path* in the image.

    The same as `buildstatic.collect.layer_root.normalize` writes to disk: fixed modes, times from
    content, one file for equal content, a sorted manifest. A content is read twice, because its
    time precedes it in the tar. A variant has the time of its original, which sorts before it.
    Memory grows with the number of names.
    """
    prefix = os.fsencode(path.relative_to("/"))
    yield from ((entry, b"") for entry in directory_entries(path))
    digests: dict[bytes, bytes] = {}
    first_names: dict[tuple[bytes, bytes], bytes] = {}
    for found in _walk(tree):
        name = os.path.join(prefix, found.name)
        if stat.S_ISDIR(found.status.st_mode):
            yield _directory_entry(name), b""
            continue
        content: _Found | bytes = found
        size = found.status.st_size
        try:
            if found.name == MANIFEST.encode():
                with os.fdopen(found.file, "rb", closefd=False) as file:
                    content = sorted_manifest(file.read())
                size = len(content)
                digest = source_digest = hashlib.sha256(content).digest()
            else:
                digest = source_digest = digests[name] = _digest(found.file)
                original, suffix = os.path.splitext(name)
                if suffix in _VARIANT_SUFFIXES:
                    source_digest = digests.get(original, digest)
        except OSError as error:
            raise read_error(tree, found.name, error) from error
        mtime = content_time(source_digest.hex())
        first = first_names.setdefault((source_digest, digest), name)
        if first == name:
            yield TarEntry(name, FILE, 0o644, mtime, size), content
        else:
            yield TarEntry(name, LINK, 0o644, mtime, link=first), b""


def _digest(file: int) -> bytes:
    """Return the SHA-256 of an open file, and seek back to its beginning."""
    sha256 = hashlib.sha256()
    while chunk := os.read(file, 1 << 20):
        sha256.update(chunk)
    os.lseek(file, 0, os.SEEK_SET)
    return sha256.digest()


def _directory_entry(name: bytes) -> TarEntry:
    return TarEntry(name + b"/", DIRECTORY, 0o755, EPOCH)


class _Found(NamedTuple):
    """A file or directory: *name* relative to the root, and the descriptor of a file.

    The descriptor is at the beginning of the file and is closed before the next one is yielded.
    """

    name: bytes
    status: os.stat_result
    file: int = -1


class _Directory(NamedTuple):
    name: bytes
    status: os.stat_result
    children: Iterator[os.DirEntry[bytes]]


def _walk(root: bytes) -> Iterator[_Found]:
    """Yield everything below *root*: siblings in byte order, a directory before its content.

    This is BuildKit's order. Memory grows with the largest directory, not with the tree. Raises
    FileError for what cannot be read, changes meanwhile, or cannot be in a layer.
    """
    open_directories = [_open_directory(root, b"")]
    while open_directories:
        directory = open_directories[-1]
        child = next(directory.children, None)
        if child is None:
            open_directories.pop()
            if _state(directory.status) != _state(_stat(root, directory.name)):
                raise _changed_error(root, directory.name)
            continue
        name = directory.name + b"/" + child.name if directory.name else child.name
        if child.name.startswith(WHITEOUT.encode()):
            problem = (
                f"{_printable_path(root, name)} is a whiteout in a layer: names that begin with "
                f"{WHITEOUT} delete files of the image."
            )
            raise FileError(problem, "Rename it.")
        if child.is_dir(follow_symlinks=False):
            open_directories.append(_open_directory(root, name))
            yield _Found(name, open_directories[-1].status)
            continue
        if not child.is_file(follow_symlinks=False):
            problem = f"{_printable_path(root, name)} is neither a file nor a directory."
            raise FileError(problem, "A layer holds nothing else: remove it from the tree.")
        try:
            file = os.open(child.path, _OPEN_FLAGS)
        except OSError as error:
            raise read_error(root, name, error) from error
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                raise _changed_error(root, name)
            yield _Found(name, status, file)
            if _state(status) != _state(os.fstat(file)):
                raise _changed_error(root, name)
        finally:
            os.close(file)


def _open_directory(root: bytes, name: bytes) -> _Directory:
    status = _stat(root, name)
    try:
        with os.scandir(os.path.join(root, name)) as found:
            children = sorted(found, key=lambda child: child.name)
    except OSError as error:
        raise read_error(root, name, error) from error
    return _Directory(name, status, iter(children))


def _stat(root: bytes, name: bytes) -> os.stat_result:
    try:
        return os.stat(os.path.join(root, name), follow_symlinks=not name)
    except OSError as error:
        raise read_error(root, name, error) from error


def _state(status: os.stat_result) -> tuple[int, ...]:
    """Return what a write, a rename or a change of mode or time alters; all set the ctime."""
    return (status.st_dev, status.st_ino, status.st_mode, status.st_size, status.st_ctime_ns)


def _changed_error(root: bytes, name: bytes) -> FileError:
    problem = f"{_printable_path(root, name)} changed while it was read."
    return FileError(problem, "Run the command again when no other program writes there.")


def _printable_path(root: bytes, name: bytes) -> str:
    text = os.fsdecode(os.path.join(root, name) if name else root)
    return text if text.isprintable() else ascii(text)
