"""The last step, for a layer root: the same files become the same bytes, down to the times."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from buildstatic.atomic import replace_file, replace_with_link
from buildstatic.collect.codecs import FORMATS
from buildstatic.collect.root import Layer
from buildstatic.collect.workers.write_task import UNLINKABLE
from buildstatic.errors import CollectFailed, FileError

EPOCH = 1_704_067_200  # 2024-01-01T00:00:00Z
SPAN = 180 * 24 * 60 * 60
_VARIANTS = tuple(f".{suffix}" for suffix in FORMATS)


def lay_out(layer: Layer, *, is_settled: bool = False) -> list[str]:
    """Make what is in *layer* depend on the content of its files alone.

    The manifest's paths are sorted (Django 5.2 writes them in the order of a directory listing);
    files are 0644, directories 0755, all of it root's where we are root; files of equal content
    are one file; a file's time comes from its content, so that a changed file of equal size gets
    a new ETag from servers that take it from time and size; a directory's time is fixed.

    Where the engine wrote the files (*is_settled*), what is left is the manifest and directories.

    Returns sentences worth telling. Raises `FileError`, or `CollectFailed` for what is no file.
    """
    try:
        if layer.manifest and layer.manifest.exists():
            _sort_manifest(layer.manifest)
        copies = _settle_manifest(layer) if is_settled else _settle_files(layer.root)
        _settle_directories(layer.root)
    except OSError as error:
        problem = f"{error.filename or layer.root} cannot be written: {error.strerror}."
        raise FileError(problem, "Make room, or make it writable.") from error
    if copies:
        return [f"Files in {layer.root} that had to stay copies of one another: {copies}."]
    return []


def content_time(digest: str) -> int:
    """Return the time, in seconds, of a file whose content has the SHA-256 *digest*."""
    return EPOCH + int(digest, 16) % SPAN


def sorted_manifest(manifest: bytes) -> bytes:
    """Return *manifest* with sorted paths; one of a form that Django does not write as it is."""
    try:
        content = json.loads(manifest)
        content["paths"] = dict(sorted(content["paths"].items()))
    except (ValueError, TypeError, KeyError, AttributeError):
        return manifest
    return json.dumps(content).encode()


def _sort_manifest(manifest: Path) -> None:
    content = sorted_manifest(manifest.read_bytes())
    with replace_file(manifest) as file:
        file.write(content)


def _settle_manifest(layer: Layer) -> int:
    if layer.manifest and layer.manifest.exists():
        digest = hashlib.sha256(layer.manifest.read_bytes()).hexdigest()
        _settle(layer.manifest, 0o644, content_time(digest))
    return 0


def _settle_files(root: Path) -> int:
    """Settle every file below *root*; return how many had to stay copies of another.

    A variant has the time of the file that it is a variant of, as the engine gives it.
    """
    first: dict[tuple[str, str], Path] = {}
    digests: dict[Path, str] = {}
    copies = 0
    for path in sorted(_files(root)):
        with path.open("rb") as file:
            digest = digests[path] = hashlib.file_digest(file, "sha256").hexdigest()
        original = path.with_suffix("") if path.suffix in _VARIANTS else path
        key = digests.get(original, digest), digest
        if key in first and _link(first[key], path):
            continue
        copies += key in first
        first[key] = path
        _settle(path, 0o644, content_time(key[0]))
    return copies


def _files(root: Path) -> Iterator[Path]:
    for directory, directories, files in os.walk(root):
        for path in [Path(directory, name) for name in (*directories, *files)]:
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                problem = f"{path} is neither a file nor a directory: a layer holds nothing else."
                raise CollectFailed(problem, "The storage made it; let it write files.")
        yield from (Path(directory, name) for name in files)


def _link(first: Path, path: Path) -> bool:
    """Make *path* another name of *first*; False where the file system will not."""
    if path.samefile(first):
        return True
    try:
        replace_with_link(path, first)
    except OSError as error:
        if error.errno in UNLINKABLE:
            return False
        raise
    return True


def _settle_directories(root: Path) -> None:
    for directory, _, _ in os.walk(root, topdown=False):
        _settle(Path(directory), 0o755, EPOCH)


def _settle(path: Path, mode: int, seconds: int) -> None:
    if os.geteuid() == 0:
        os.chown(path, 0, 0)
    path.chmod(mode)
    os.utime(path, (seconds, seconds))
