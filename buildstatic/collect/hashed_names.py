"""Compute a file's name by content, as the storage does, from a digest that is known already."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Any, NoReturn

_PLAIN = re.compile(r"[\w./@+~!,=()-]+(?: +[\w./@+~!,=()-]+)*", re.ASCII)


class ContentRead(BaseException):
    """A storage's own code reads a file of which only the digest is known."""


def is_plain(name: str) -> bool:
    """Tell whether ``hashed_name``, which parses *name* as a URL, leaves it unchanged."""
    return _PLAIN.fullmatch(name) is not None


def insert_md5(name: str, md5: str) -> str:
    """Return *name* with *md5* before its suffix, as ``HashedFilesMixin.hashed_name`` does."""
    root, suffix = posixpath.splitext(name)
    return f"{root}.{md5[:12]}{suffix}"


class HashedNames:
    """``HashedFilesMixin.hashed_name`` of *storage* for files with a known digest.

    It inserts the hash before the suffix of a plain name. This is verified with the storage once
    for each suffix; a storage that does otherwise, or has *own_names*, is called for each name.
    """

    def __init__(self, storage: Any, *, own_names: bool) -> None:
        self.storage = storage
        self.own_names = own_names
        self.inserts_before: dict[str, bool] = {}

    def __call__(self, name: str, digest: str) -> str:
        """Return the name of the file *name* with the MD5 *digest*; raises as the storage does."""
        if self.own_names or not is_plain(name) or "//" in name:
            return self.by_storage(name, digest)
        hashed = insert_md5(name, digest)
        suffix = posixpath.splitext(name)[1]
        if suffix not in self.inserts_before:
            self.inserts_before[suffix] = self.by_storage(name, digest) == hashed
        return hashed if self.inserts_before[suffix] else self.by_storage(name, digest)

    def by_storage(self, name: str, digest: str) -> str:
        """Return what the storage's own ``hashed_name`` does."""
        return str(self.storage.hashed_name(name, Digest(digest)))


@dataclass(frozen=True)
class Digest:
    """A stand-in for a file's content where a storage hashes it."""

    digest: str

    def close(self) -> None:
        """Do nothing; no file is open."""

    def _read(self, *_: Any) -> NoReturn:
        raise ContentRead

    __getattr__ = __iter__ = __len__ = __contains__ = _read
