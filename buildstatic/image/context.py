"""The build context: what .dockerignore leaves of a directory, its size, and as a tar."""

from __future__ import annotations

import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

DOCKERFILE = "Dockerfile"
IGNORE_FILE = ".dockerignore"


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
    """Return what is sent of *root*, by *dockerignore* or else the .dockerignore in it."""
    from docker.utils.build import PatternMatcher

    own = root / IGNORE_FILE
    text = own.read_text("utf-8-sig", "surrogateescape") if own.is_file() else ""
    matcher = PatternMatcher(_patterns(text if dockerignore is None else dockerignore))
    return Context(root, tuple(sorted(matcher.walk(str(root)))))


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
    """Drop the owner; sockets and pipes, which no image holds, are left out."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    is_kept = member.isfile() or member.isdir() or member.issym() or member.islnk()
    return member if is_kept else None


def _patterns(text: str) -> list[str]:
    lines = text.splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
