"""The variants of an earlier tree: those in a directory, or those that an archive has by content.

An archive is a zip file with one member for each content and format: ``<SHA-256 of the original,
in hexadecimal>.<suffix>``, not compressed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from buildstatic.collect.cache import read_file
from buildstatic.collect.codecs import Codec

if TYPE_CHECKING:
    from zipfile import ZipFile

# The name of an archive in a directory that has one.
ARCHIVE = "buildstatic-variants.zip"
# What zipfile raises for a damaged archive, beside BadZipFile.
_DAMAGED = (OSError, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error)


def member_name(sha256: str, suffix: str) -> str:
    """Return the name of the variant with *suffix* of the content whose digest is *sha256*."""
    return f"{sha256}.{suffix}"


@dataclass(frozen=True)
class EarlierVariants:
    """The variants in *directory*: in its `ARCHIVE`, else beside their originals.

    Neither is trusted: a variant is compared with its original before it is returned.
    """

    directory: Path

    def find(
        self, sha256: str, codec: Codec, content: bytes, names: tuple[str, ...]
    ) -> bytes | None:
        """Return *content*, which has the digest *sha256* and *names*, compressed by *codec*.

        None if there is no such variant. The level and the library may be others, which gzip's
        header ends with.
        """
        for data in self._candidates(sha256, codec.suffix, len(content), names):
            if data.startswith(codec.header[:8]) and codec.is_variant(data, content):
                return data
        return None

    def _candidates(
        self, sha256: str, suffix: str, limit: int, names: tuple[str, ...]
    ) -> Iterator[bytes]:
        """Yield what may be the variant, of at most *limit* bytes."""
        if self._archive:
            name = member_name(sha256, suffix)
            if (data := _read_member(self._archive, name, limit)) is not None:
                yield data
            return
        for name in names:
            data, _ = read_file(self.directory / f"{name}.{suffix}", limit)
            if data is not None:
                yield data

    @cached_property
    def _archive(self) -> ZipFile | None:
        """The archive, None if there is none that can be read."""
        path = self.directory / ARCHIVE
        if not path.is_file():
            return None
        from zipfile import BadZipFile, ZipFile  # most runs have no archive

        try:
            return ZipFile(path)
        except (BadZipFile, *_DAMAGED):
            return None


def _read_member(archive: ZipFile, name: str, limit: int) -> bytes | None:
    """Return the content of the member *name* if it has at most *limit* bytes, else None."""
    from zipfile import ZIP_STORED, BadZipFile

    try:
        member = archive.getinfo(name)
        is_accepted = member.compress_type == ZIP_STORED and member.file_size <= limit
        return archive.read(member) if is_accepted else None
    except (KeyError, BadZipFile, *_DAMAGED):
        return None
