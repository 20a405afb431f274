"""A tree of static files to verify: the entries around it, and the content of its files."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from buildstatic.collect.workers.cores import available_cores
from buildstatic.errors import ImageInvalid, StaticLayerNotFound
from buildstatic.oci.layer_reader import LayerEntry
from buildstatic.oci.layer_writer import MANIFEST, read_error
from buildstatic.oci.stream import CHUNK, MAX_DOCUMENT_SIZE, FileSlice
from buildstatic.threads import Threads
from buildstatic.verify.secret_scanner import SecretScanner

MAX_MANIFEST_SIZE = 8 * MAX_DOCUMENT_SIZE
# Hashing this many bytes without the GIL is worth a thread; for fewer, threads wait for each other.
_THREAD_SIZE = 1 << 17
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink"}


class Content(Protocol):
    """The content of the files in a layer or a directory."""

    def chunks(self, entry: LayerEntry) -> Iterator[bytes]:
        """Yield the content of *entry*, at most a mebibyte at a time."""


@dataclass(frozen=True)
class LayerContent:
    """The content of the files in the uncompressed tar of a layer on disk."""

    tar: FileSlice

    def chunks(self, entry: LayerEntry) -> Iterator[bytes]:
        """Yield the content of *entry* from its offset in the tar."""
        position, end = entry.offset, entry.offset + entry.size
        while position < end:
            chunk = self.tar.read(position, min(CHUNK, end - position))
            if not chunk:
                raise ImageInvalid(f"The layer ends within {entry.path}.")
            position += len(chunk)
            yield chunk


@dataclass(frozen=True)
class DirectoryContent:
    """The content of the files below *root*."""

    root: Path

    def chunks(self, entry: LayerEntry) -> Iterator[bytes]:
        """Yield the content of *entry*."""
        with (self.root / entry.path).open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk


@dataclass(frozen=True)
class ContentSummary:
    """The digests of a content in hexadecimal, and which kind of *secret* it has, if any."""

    sha256: str
    md5: str
    secret: str


@dataclass(frozen=True)
class StaticTree:
    """Static files at *root*, a path without a leading slash, among the *entries* of a layer.

    *is_layer* is False for a collected tree outside of a layer root, whose times and modes do not
    matter; *has_owners* whether owners matter. *source* is the name of the image, file or
    directory. *diff_id* and *digest* are those of the layer, None for a directory; the digest is
    also None for an uncompressed layer in a file.
    """

    source: str
    root: str
    entries: tuple[LayerEntry, ...]
    content: Content
    is_layer: bool
    has_owners: bool
    diff_id: str | None = None
    digest: str | None = None

    @cached_property
    def file_entries(self) -> Mapping[str, LayerEntry]:
        """The entry with the content of each file and hard link, by path.

        Later entries replace earlier ones. A hard link to a path that is not there is left out.
        """
        files: dict[str, LayerEntry] = {}
        for entry in self.entries:
            if entry.kind == "file":
                files[entry.path] = entry
            elif entry.kind == "link" and entry.target in files:
                files[entry.path] = files[entry.target]
            else:
                files.pop(entry.path, None)
        return files

    @cached_property
    def summaries(self) -> Mapping[str, ContentSummary]:
        """The summary of each content, by the first path that has it; each is read once."""
        entries = {entry.path: entry for entry in self.file_entries.values()}
        large = [entry for entry in entries.values() if entry.size >= _THREAD_SIZE]
        with Threads(available_cores()) as threads:
            large_summaries = threads.map(self._summarize, large)
            summaries = {
                path: self._summarize(entry)
                for path, entry in entries.items()
                if entry.size < _THREAD_SIZE
            }
            for entry, summary in zip(large, large_summaries, strict=True):
                summaries[entry.path] = summary
        return {path: summaries[path] for path in entries}

    @cached_property
    def files(self) -> Mapping[str, LayerEntry]:
        """The static files, by their names relative to the tree."""
        prefix = f"{self.root}/" if self.root else ""
        return {
            path.removeprefix(prefix): entry
            for path, entry in self.file_entries.items()
            if path.startswith(prefix)
        }

    @cached_property
    def manifest_path(self) -> str | None:
        """The path of the manifest: in the tree, else the only one in the layer."""
        inside = self.path(MANIFEST)
        if inside in self.file_entries:
            return inside
        found = [path for path in self.file_entries if path.rpartition("/")[2] == MANIFEST]
        return found[0] if len(found) == 1 else None

    @cached_property
    def manifest(self) -> Any:
        """The parsed manifest, None if there is none; raises ValueError."""
        if self.manifest_path is None:
            return None
        entry = self.file_entries[self.manifest_path]
        if entry.size > MAX_MANIFEST_SIZE:
            raise ValueError(f"it has {entry.size} bytes")
        return json.loads(b"".join(self.content.chunks(entry)))

    @cached_property
    def hashed_names(self) -> Mapping[str, str]:
        """The manifest's fingerprinted names, by name; empty without a valid manifest."""
        try:
            paths = self.manifest["paths"]
            return {str(name): str(hashed) for name, hashed in paths.items()}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return {}

    def path(self, name: str) -> str:
        """Return the path of the static file *name* among the entries."""
        return f"{self.root}/{name}" if self.root else name

    def summary(self, path: str) -> ContentSummary:
        """Return the summary of the content at *path*, a key of `file_entries`."""
        return self.summaries[self.file_entries[path].path]

    def read(self, name: str) -> bytes:
        """Return the content of the static file *name*."""
        return b"".join(self.content.chunks(self.files[name]))

    def _summarize(self, entry: LayerEntry) -> ContentSummary:
        sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        scanner = SecretScanner()
        for chunk in self.content.chunks(entry):
            sha256.update(chunk)
            md5.update(chunk)
            scanner.update(chunk)
        return ContentSummary(sha256.hexdigest(), md5.hexdigest(), scanner.found)


def read_directory(root: Path, static_root: str | None) -> StaticTree:
    """Return the static files in the directory *root*.

    With *static_root*, or if the only manifest is further down, *root* is a layer root. In a
    collected tree, symlinks to files are files (``collect --link``); in a layer root none is
    followed. Raises StaticLayerNotFound if a layer root has no such directory or several trees, and
    FileError if a directory cannot be read.
    """
    inside = _tree_path(root, static_root)
    is_layer = inside is not None
    first_names: dict[tuple[int, int], str] = {}
    entries = []
    for directory, directories, files in _walk(root):
        directories.sort()
        for name in sorted((*directories, *files)):
            path = Path(directory, name)
            relative = path.relative_to(root).as_posix()
            entries.append(_directory_entry(path, relative, first_names, is_layer))
    content = DirectoryContent(root)
    has_owners = is_layer and os.geteuid() == 0
    return StaticTree(str(root), inside or "", tuple(entries), content, is_layer, has_owners)


def tree_not_found(source: str) -> StaticLayerNotFound:
    """Return the error for *source*, in which the static files cannot be located."""
    return StaticLayerNotFound(
        f"Cannot locate the static files of {source}: it has no marked layer and no {MANIFEST}.",
        "Name their directory, for example: --static-root /app/staticfiles.",
    )


def _tree_path(root: Path, static_root: str | None) -> str | None:
    """Return the path of the tree in the layer root *root*, None if *root* is the tree."""
    if static_root is not None:
        inside = os.path.normpath(static_root).strip("/")
        if inside.startswith("..") or not (root / inside).is_dir():
            raise StaticLayerNotFound(f"{root} has no directory {static_root}.")
        return "" if inside == "." else inside
    if (root / MANIFEST).is_file():
        return None
    found = [Path(directory) for directory, _, files in _walk(root) if MANIFEST in files]
    if len(found) > 1:
        raise tree_not_found(str(root))
    return found[0].relative_to(root).as_posix() if found else None


def _walk(root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    def fail(error: OSError) -> None:
        name = os.path.relpath(error.filename, root)
        relative = b"" if name == "." else os.fsencode(name)
        raise read_error(os.fsencode(root), relative, error) from error

    return os.walk(root, onerror=fail)


def _directory_entry(
    path: Path, relative: str, first_names: dict[tuple[int, int], str], is_layer: bool
) -> LayerEntry:
    """Return the entry of a file; further names of a file are hard links to its first name."""
    status = path.lstat()
    if not is_layer and path.is_symlink() and path.is_file():
        status = path.stat()
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), "other")
    target = str(path.readlink()) if kind == "symlink" else ""
    if kind == "file" and status.st_nlink > 1:
        first = first_names.setdefault((status.st_dev, status.st_ino), relative)
        if first != relative:
            kind, target = "link", first
    return LayerEntry(
        relative,
        kind,
        status.st_size if kind == "file" else 0,
        relative,
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        status.st_mtime_ns / 1e9,
        target,
    )
