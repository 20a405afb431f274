"""The names that a storage gives to files by their digests, without asking it for each of them."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from buildstatic.collect.storage_overlay import Digest

_PLAIN = re.compile(r"[\w./@+~!,=()-]+(?: +[\w./@+~!,=()-]+)*", re.ASCII)


def is_plain(name: str) -> bool:
    """Tell whether ``hashed_name``, which reads *name* as a URL, takes it for what it is."""
    return _PLAIN.fullmatch(name) is not None


class HashedNames:
    """``HashedFilesMixin.hashed_name`` of *storage* for files of which the digest is known.

    It puts the hash before a plain name's suffix. That it does is asked once for each suffix, and
    where it does not, for each name.
    """

    def __init__(self, storage: Any) -> None:
        self.storage = storage
        self.spliced: dict[str, bool] = {}

    def __call__(self, name: str, digest: str) -> str:
        """Return the fingerprinted name of *name*, whose content has the MD5 *digest*.

        Raises what the storage does where there can be none.
        """
        root, suffix = posixpath.splitext(name)
        if not is_plain(name) or "//" in name:
            return self.asked(name, digest)
        spliced = f"{root}.{digest[:12]}{suffix}"
        if suffix not in self.spliced:
            self.spliced[suffix] = self.asked(name, digest) == spliced
        return spliced if self.spliced[suffix] else self.asked(name, digest)

    def asked(self, name: str, digest: str) -> str:
        """Return what the storage itself says."""
        return str(self.storage.hashed_name(name, Digest(digest)))
