"""The codecs of variants: gzip by libdeflate, brotli, zstd; each by its suffix.

Where libdeflate is not installed, zlib makes the gzip files. zstd is in the standard library from
Python 3.14 (``compression.zstd``); before that, ``backports.zstd`` has the same interface.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, Literal

Effort = Literal["fast", "best"]
# brotli's 11 is WhiteNoise's, byte for byte; a window fitted to the file changes neither its size
# nor its time. libdeflate's 9 is the first level that is smaller than zlib's 9 for each of a dozen
# large packages, at half the time; brotli takes fifty times as long.
LEVELS: dict[str, dict[Effort, int]] = {
    "br": {"fast": 5, "best": 11},
    "gz": {"fast": 6, "best": 9},
    "zst": {"fast": 3, "best": 19},
}
FORMATS = tuple(LEVELS)
# The modules and packages that codecs are in.
LIBRARIES = ("brotli", "deflate", "zstandard", "compression", "backports")
GZIP = 31  # zlib's wbits for a gzip file, its time 0
# Fewer bytes than four meta-blocks have, each of which is 16 MiB at most (RFC 7932, section 9.2).
MORSEL = 32


@dataclass(frozen=True)
class Codec:
    """A codec at one level: *key* tells what its output depends on beside the content.

    *format* and *level* are what `load` makes the same one of. *restore* takes a variant and how
    many bytes to expect of it; it returns what was compressed, or more than that many bytes of it,
    or raises.
    """

    suffix: str
    key: str
    format: str
    level: int
    compress: Callable[[bytes], bytes]
    restore: Callable[[bytes, int], bytes]

    def holds(self, data: bytes, content: bytes) -> bool:
        """Tell whether *data* is a variant of *content*, and nothing but that.

        It may be anything at all: memory is bounded by *content*, not by what it claims to be.
        """
        try:
            return self.restore(data, len(content)) == content
        except Exception:  # whatever a codec raises for what is none of its own
            return False


def load(suffix: str, effort: Effort, level: int | None = None) -> Codec | None:
    """Return the codec for *suffix*, or None where its library is not installed.

    A *level* that is given is the one, whatever the *effort*.
    """
    level = LEVELS[suffix][effort] if level is None else level
    return {"br": _brotli, "gz": _gzip, "zst": _zstd}[suffix](level)


def places() -> tuple[str, ...]:
    """Return the directories that the libraries loaded so far were found in, in their order."""
    loaded = filter(None, map(sys.modules.get, LIBRARIES))
    paths = chain.from_iterable(
        getattr(module, "__path__", None) or [module.__file__ or ""] for module in loaded
    )
    found = {str(Path(path).parent) for path in paths if path}
    return tuple(path for path in sys.path if path in found) + tuple(sorted(found - {*sys.path}))


def _key(name: str, version: object, level: int) -> str:
    """Return a file name of what the bytes of a variant depend on."""
    return re.sub(r"[^\w.-]", "_", f"{name}-{version}-{level}")


def _gzip(level: int) -> Codec:
    deflate = _module("deflate")
    if deflate is None:
        key = _key("zlib", zlib.ZLIB_RUNTIME_VERSION, level)
        return Codec(
            "gz", key, "gz", level, lambda content: zlib.compress(content, level, GZIP), _gunzip
        )

    def compress(content: bytes) -> bytes:
        return bytes(deflate.gzip_compress(content, level))

    key = _key("libdeflate", getattr(deflate, "__version__", ""), level)
    return Codec("gz", key, "gz", level, compress, _gunzip)


def _gunzip(data: bytes, expected: int) -> bytes:
    return _whole(zlib.decompressobj(GZIP), data, expected)


def _brotli(level: int) -> Codec | None:
    brotli = _module("brotli")
    if brotli is None:
        return None

    def compress(content: bytes) -> bytes:
        return bytes(brotli.compress(content, quality=level))

    def restore(data: bytes, expected: int) -> bytes:
        decompressor = brotli.Decompressor()
        if hasattr(decompressor, "can_accept_more_data"):
            content = bytes(decompressor.process(data, output_buffer_limit=expected + 1))
        else:
            content = _in_morsels(decompressor, data, expected)
        if not decompressor.is_finished():
            raise ValueError("It is longer than it is to be, or cut short.")
        return content

    key = _key("brotli", getattr(brotli, "__version__", ""), level)
    return Codec("br", key, "br", level, compress, restore)


def _in_morsels(decompressor: Any, data: bytes, expected: int) -> bytes:
    """Decompress with a brotli before 1.2, which cannot be told where to stop."""
    content = bytearray()
    for start in range(0, len(data), MORSEL):
        if len(content) > expected:
            break
        content += decompressor.process(data[start : start + MORSEL])
    return bytes(content)


def _zstd(level: int) -> Codec | None:
    for name in ("compression.zstd", "backports.zstd"):
        if library := _module(name):
            return _zstd_of_python(library, level)
    library = _module("zstandard")
    return _zstd_of_zstandard(library, level) if library else None


def _zstd_of_python(library: Any, level: int) -> Codec:
    def compress(content: bytes) -> bytes:
        return bytes(library.compress(content, level))

    def restore(data: bytes, expected: int) -> bytes:
        return _whole(library.ZstdDecompressor(), data, expected)

    key = _key("zstd", library.zstd_version, level)
    return Codec("zst", key, "zst", level, compress, restore)


def _zstd_of_zstandard(library: Any, level: int) -> Codec:
    def compress(content: bytes) -> bytes:
        return bytes(library.ZstdCompressor(level=level).compress(content))

    def restore(data: bytes, expected: int) -> bytes:
        # A size that the frame claims is allocated at once, whatever the greatest allowed is.
        if library.frame_content_size(data) > expected:
            raise ValueError("It is longer than it is to be.")
        decompress = library.ZstdDecompressor().decompress
        return bytes(decompress(data, max_output_size=expected + 1, allow_extra_data=False))

    version = ".".join(map(str, library.ZSTD_VERSION))
    return Codec("zst", _key("zstandard", version, level), "zst", level, compress, restore)


def _whole(decompressor: Any, data: bytes, expected: int) -> bytes:
    """Return what *data* holds, of one stream and with nothing after it."""
    content = bytes(decompressor.decompress(data, expected + 1))
    if not decompressor.eof or decompressor.unused_data:
        raise ValueError("It is longer than it is to be, cut short, or not alone.")
    return content


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None
