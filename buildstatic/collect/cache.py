"""The cache of variants: by the digest of what they were made from, and how.

Other projects, and earlier versions, write into the same directory, so nothing in it is believed: a
variant is decompressed and compared before it is used.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from buildstatic.collect.codecs import Codec

VERSION = "v1"
# In the place of a variant that was not worth keeping.
NOT_WORTH_IT = b"buildstatic: not worth it\n"


def default_directory() -> Path:
    """Return where the cache is: ``$XDG_CACHE_HOME/buildstatic``, else ``~/.cache/buildstatic``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(base) / "buildstatic"


@dataclass(frozen=True)
class Cache:
    """The variants in *directory*; one that cannot be written is one that keeps nothing."""

    directory: Path

    def get(self, identity: str, codec: Codec, content: bytes) -> bytes | None:
        """Return the variant of *content*, whose SHA-256 is *identity*, or None.

        `NOT_WORTH_IT` is returned for one that was made and not kept.
        """
        path = self._path(identity, codec)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if data != NOT_WORTH_IT and not _is_of(data, codec, content):
            return None
        with suppress(OSError):
            os.utime(path)  # when it was used last
        return data

    def put(self, identity: str, codec: Codec, data: bytes) -> None:
        """Keep *data*, a variant or `NOT_WORTH_IT`; whole or not at all."""
        path = self._path(identity, codec)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(data)
            beside.replace(path)
        except OSError:
            with suppress(OSError):
                beside.unlink()

    def _path(self, identity: str, codec: Codec) -> Path:
        return self.directory / VERSION / identity[:2] / f"{identity[2:]}.{codec.key}"


def _is_of(data: bytes, codec: Codec, content: bytes) -> bool:
    try:
        return codec.decompress(data) == content
    except Exception:  # whatever a codec raises for what is none of its own
        return False
