"""The build context: the files of a directory that are sent to the builder, and a tar of them."""

from __future__ import annotations

import io
import os
import posixpath
import stat
import tarfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
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
class BuildContext:
    """A directory, and the relative paths in it that are sent to the builder."""

    root: Path
    paths: tuple[str, ...]


@dataclass(frozen=True)
class ContextSize:
    """The size of a context in bytes, and its *largest* top-level entries with theirs."""

    bytes: int
    largest: tuple[tuple[str, int], ...]


def read_context(root: Path, dockerignore: str | None = None) -> BuildContext:
    """Return the files of *root* that *dockerignore*, else its own .dockerignore, does not exclude.

    Raises ConfigInvalid for an invalid pattern, and if a directory cannot be read.
    """
    own = root / IGNORE_FILE
    text = own.read_text("utf-8-sig", "surrogateescape") if own.is_file() else ""
    patterns = read_patterns(text if dockerignore is None else dockerignore)
    return BuildContext(root, tuple(sorted(_walk(root, "", patterns, False, None))))


def _walk(
    root: Path,
    directory: str,
    patterns: tuple[Pattern, ...],
    is_excluded: bool,
    matched: Matches | None,
) -> Iterator[str]:
    """Yield the paths below *directory*; an excluded one if an exception includes any below it.

    *is_excluded* and *matched* are the result of `match` for *directory*.
    """
    try:
        with os.scandir(root / directory) as scanned:
            entries = list(scanned)
    except PermissionError as error:
        if is_excluded:
            return
        raise ConfigInvalid(
            f"Cannot read {root / directory}, which is part of the build context: "
            f"{error.strerror}.",
            "Add it to .dockerignore, or change its permissions.",
        ) from error
    for entry in entries:
        path = posixpath.join(directory, entry.name)
        is_out, matches = match(patterns, path, matched)
        if entry.is_dir(follow_symlinks=False):
            if is_out and not may_except_below(patterns, path):
                continue
            below = tuple(_walk(root, path, patterns, is_out, matches))
            if below or not is_out:
                yield path
            yield from below
        elif not is_out:
            yield path


def measure(context: BuildContext) -> ContextSize:
    """Return the size of *context*."""
    sizes: Counter[str] = Counter()
    for path in context.paths:
        with suppress(FileNotFoundError):  # removed since
            status = os.lstat(f"{context.root}/{path}")
            if stat.S_ISREG(status.st_mode):
                sizes[path.partition("/")[0]] += status.st_size
    return ContextSize(sizes.total(), tuple(sizes.most_common(3)))


def write_tar(context: BuildContext, dockerfile: str, target: BinaryIO) -> None:
    """Write *context* with *dockerfile* as a GNU tar into *target*, owned by 0:0.

    The engine takes a PAX tar for a Dockerfile. The .dockerignore is already applied, and omitted.
    """
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in context.paths:
            if path not in (DOCKERFILE, IGNORE_FILE):
                archive.add(context.root / path, path, recursive=False, filter=_owned_by_root)
        content = dockerfile.encode()
        member = tarfile.TarInfo(DOCKERFILE)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Remove the owner; return None for sockets and pipes."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    is_kept = member.isfile() or member.isdir() or member.issym() or member.islnk()
    return member if is_kept else None
