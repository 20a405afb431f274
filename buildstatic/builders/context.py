"""The build context as a tar, for the engine's API."""

from __future__ import annotations

import io
import tarfile
from typing import BinaryIO

from buildstatic.dockerfile import DOCKERFILE, IGNORE_FILE
from buildstatic.dockerfile.build_context import BuildContext


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
