"""The codecs of variants: gzip by libdeflate, brotli, zstd; each by its suffix.

libdeflate makes smaller gzip files than zlib and is twice as fast; where it is not installed, zlib
does. zstd is in the standard library from Python 3.14 (``compression.zstd``).
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

Effort = Literal["fast", "best"]
# libdeflate's 9 is smaller than zlib's 9 at twice its speed; brotli's 11 is WhiteNoise's.
LEVELS: dict[str, dict[Effort, int]] = {
    "br": {"fast": 5, "best": 11},
    "gz": {"fast": 6, "best": 9},
    "zst": {"fast": 3, "best": 19},
}
FORMATS = tuple(LEVELS)


@dataclass(frozen=True)
class Codec:
    """A codec at one level: *key* tells what its output depends on beside the content."""

    suffix: str
    key: str
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes], bytes]


def load(suffix: str, effort: Effort) -> Codec | None:
    """Return the codec for *suffix*, or None where its library is not installed."""
    level = LEVELS[suffix][effort]
    return {"br": _brotli, "gz": _gzip, "zst": _zstd}[suffix](level)


def _gzip(level: int) -> Codec:
    deflate = _module("deflate")
    if deflate is None:
        return Codec("gz", f"zlib-{level}", _by_zlib(level), _gunzip)

    def compress(content: bytes) -> bytes:
        return bytes(deflate.gzip_compress(content, level))

    return Codec("gz", f"libdeflate-{level}", compress, _gunzip)


def _by_zlib(level: int) -> Callable[[bytes], bytes]:
    return lambda content: gzip.compress(content, level, mtime=0)


def _gunzip(data: bytes) -> bytes:
    return zlib.decompress(data, wbits=31)


def _brotli(level: int) -> Codec | None:
    brotli = _module("brotli")
    if brotli is None:
        return None

    def compress(content: bytes) -> bytes:
        return bytes(brotli.compress(content, quality=level))

    return Codec("br", f"brotli-{level}", compress, brotli.decompress)


def _zstd(level: int) -> Codec | None:
    if standard := _module("compression.zstd"):
        return Codec(
            "zst",
            f"zstd-{level}",
            lambda c: bytes(standard.compress(c, level)),
            standard.decompress,
        )
    library = _module("zstandard")
    if library is None:
        return None

    def compress(content: bytes) -> bytes:
        return bytes(library.ZstdCompressor(level=level).compress(content))

    def decompress(data: bytes) -> bytes:
        return bytes(library.ZstdDecompressor().decompress(data))

    return Codec("zst", f"zstd-{level}", compress, decompress)


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None
