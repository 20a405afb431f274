"""A storage's place as it will be when the sources are in it, before anything is written."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any


class Left(Enum):
    """What stays in a storage's place beside what is collected: ``--clear`` leaves directories."""

    FILES = "files and directories"
    DIRECTORIES = "directories"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Digest:
    """What stands in for a file's content where the storage wants to hash it."""

    digest: str

    def close(self) -> None:
        """Do nothing: a stand-in holds no file."""


@contextmanager
def collected(
    storage: Any, digests: Mapping[str, str], made: Mapping[str, str], left: Left
) -> Iterator[set[str]]:
    """Let *storage* see its place with the files in *digests* there, and those in *made*.

    Set on the instance, where ``hashed_name`` looks: ``exists``, ``open`` and ``file_hash``. More
    may get into *made* meanwhile, and directories into those that are yielded. *left* says what
    else will be there, of what there is.
    """
    directories = {"."}
    for name in digests:
        while name and (name := posixpath.dirname(name)) not in directories:
            directories.add(name)
    exists, open_, file_hash = storage.exists, storage.open, storage.file_hash

    def normal(name: str) -> str:
        """Return what *name* means below the storage's root; SuspiciousFileOperation if nothing."""
        path: str = os.path.relpath(storage.path(name), storage.location)
        return path

    def digest(name: str) -> str | None:
        return made.get(name) or digests.get(name)

    def seen(name: str) -> bool:
        name = normal(name)
        if digest(name) or name in directories:
            return True
        match left:
            case Left.FILES:
                return bool(exists(name))
            case Left.DIRECTORIES:
                return Path(storage.path(name)).is_dir()
            case Left.NOTHING:
                return False

    def opened(name: str, mode: str = "rb") -> Any:
        name = normal(name)
        if known := digest(name):
            return Digest(known)
        if name in directories:
            raise IsADirectoryError(name)
        return open_(name, mode)

    def hashed(name: str, content: Any = None) -> Any:
        known = isinstance(content, Digest)
        return content.digest[:12] if known else file_hash(name, content)

    storage.exists, storage.open, storage.file_hash = seen, opened, hashed
    try:
        yield directories
    finally:
        del storage.exists, storage.open, storage.file_hash
