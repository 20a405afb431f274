"""The build context: what .dockerignore leaves of a directory, its size, and as a tar."""

from __future__ import annotations

import os
import posixpath
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from buildstatic.dockerfile import DOCKERFILE, IGNORE_FILE
from buildstatic.dockerfile.ignore_patterns import (
    Matches,
    Pattern,
    match,
    may_except_below,
    read_patterns,
)
from buildstatic.errors import ConfigInvalid


@dataclass(frozen=True)
class Context:
    """A directory and the paths in it, relative, that are sent to the builder."""

    root: Path
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Size:
    """The *bytes* of a context, and its *largest* top-level entries with theirs."""

    bytes: int
    largest: tuple[tuple[str, int], ...]


def read_context(root: Path, dockerignore: str | None = None) -> Context:
    """Return what is sent of *root*, by *dockerignore* or else the .dockerignore in it.

    Raises ConfigInvalid for a pattern that no builder takes, and for what cannot be read.
    """
    own = root / IGNORE_FILE
    text = own.read_text("utf-8-sig", "surrogateescape") if own.is_file() else ""
    patterns = read_patterns(text if dockerignore is None else dockerignore)
    return Context(root, tuple(sorted(_walk(root, "", patterns, (False, None)))))


def _walk(
    root: Path, directory: str, patterns: tuple[Pattern, ...], above: tuple[bool, Matches | None]
) -> Iterator[str]:
    """Yield what is sent of *directory*; one that is kept out is, where anything below it is.

    *above* is what `match` said of *directory*.
    """
    is_kept_out, matched = above
    for entry in _entries(root / directory, is_kept_out):
        path = posixpath.join(directory, entry.name)
        is_out, matches = match(patterns, path, matched)
        if entry.is_dir(follow_symlinks=False):
            if is_out and not may_except_below(patterns, path):
                continue
            below = tuple(_walk(root, path, patterns, (is_out, matches)))
            if below or not is_out:
                yield path
            yield from below
        elif not is_out:
            yield path


def _entries(directory: Path, is_kept_out: bool) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except PermissionError as error:
        if is_kept_out:
            return []
        problem = f"{directory}, a part of the build context, cannot be read: {error.strerror}."
        raise ConfigInvalid(problem, "Name it in .dockerignore, or let it be read.") from error


def measure(context: Context) -> Size:
    """Return the size of *context*."""
    sizes: Counter[str] = Counter()
    for path in context.paths:
        file = context.root / path
        if file.is_file() and not file.is_symlink():
            sizes[PurePosixPath(path).parts[0]] += file.stat().st_size
    return Size(sizes.total(), tuple(sizes.most_common(3)))


def write_tar(context: Context, dockerfile: str, target: BinaryIO) -> None:
    """Write *context* as a tar into *target*, with *dockerfile* as its Dockerfile, all of it 0:0.

    It is a GNU tar, as the engine takes a PAX one for a Dockerfile; its .dockerignore, applied
    here, is left out.
    """
    from io import BytesIO

    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in context.paths:
            if path not in (DOCKERFILE, IGNORE_FILE):
                archive.add(context.root / path, path, recursive=False, filter=_owned_by_root)
        member = tarfile.TarInfo(DOCKERFILE)
        content = dockerfile.encode()
        member.size = len(content)
        archive.addfile(member, BytesIO(content))


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Drop the owner, and leave out sockets and pipes, which hold nothing."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    is_kept = member.isfile() or member.isdir() or member.issym() or member.islnk()
    return member if is_kept else None
