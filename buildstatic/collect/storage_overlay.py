"""Show a storage its tree as it will be after collecting, before anything is written."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any


class Kept(Enum):
    """What remains in the tree besides the collected files; ``--clear`` keeps directories."""

    FILES = "files and directories"
    DIRECTORIES = "directories"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Digest:
    """A stand-in for a file's content where a storage hashes it."""

    digest: str

    def close(self) -> None:
        """Do nothing; no file is open."""


@contextmanager
def overlay(
    storage: Any, digests: Mapping[str, str], made: Mapping[str, str], kept: Kept
) -> Iterator[None]:
    """Make *storage* see the files in *digests* and *made*, and the *kept* part of its tree.

    ``exists``, ``open`` and ``file_hash`` are set on the instance, where ``hashed_name`` finds
    them. *made* may grow in the block.
    """
    directories = {"."}
    for name in digests:
        while name and (name := posixpath.dirname(name)) not in directories:
            directories.add(name)
    original_exists, original_open = storage.exists, storage.open
    original_file_hash = storage.file_hash

    def normalized(name: str) -> str:
        """Return *name* relative to the storage's root; SuspiciousFileOperation if outside."""
        path: str = os.path.relpath(storage.path(name), storage.location)
        return path

    def exists(name: str) -> bool:
        name = normalized(name)
        if made.get(name) or digests.get(name) or name in directories:
            return True
        match kept:
            case Kept.FILES:
                return bool(original_exists(name))
            case Kept.DIRECTORIES:
                return Path(storage.path(name)).is_dir()
            case Kept.NOTHING:
                return False

    def open_(name: str, mode: str = "rb") -> Any:
        name = normalized(name)
        if digest := made.get(name) or digests.get(name):
            return Digest(digest)
        if name in directories:
            raise IsADirectoryError(name)
        return original_open(name, mode)

    def file_hash(name: str, content: Any = None) -> Any:
        if isinstance(content, Digest):
            return content.digest[:12]
        return original_file_hash(name, content)

    storage.exists, storage.open, storage.file_hash = exists, open_, file_hash
    try:
        yield
    finally:
        del storage.exists, storage.open, storage.file_hash
