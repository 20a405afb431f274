"""The compression formats of variants: gzip, brotli and zstd, each named by its suffix.

gzip is made by libdeflate, or by zlib if the deflate package is not installed; by zopfli for
storages that do so themselves. zstd is in the standard library since Python 3.14
(``compression.zstd``); before that, ``backports.zstd`` has the same interface.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, Literal

Effort = Literal["fast", "best"]
# brotli's 11 is WhiteNoise's, byte for byte; a window fitted to the file changes neither its size
# nor its time. libdeflate's 9 is the first level that is smaller than zlib's 9 for each of a dozen
# large packages, in half the time; brotli takes fifty times as long.
LEVELS: dict[str, dict[Effort, int]] = {
    "br": {"fast": 5, "best": 11},
    "gz": {"fast": 6, "best": 9},
    "zst": {"fast": 3, "best": 19},
}
FORMATS = tuple(LEVELS)
# The modules and packages that codecs are in.
LIBRARIES = ("brotli", "deflate", "compression", "backports", "zopfli")
GZIP = 31  # zlib's wbits for a gzip file, with the time 0
# Fewer bytes than four meta-blocks have, each of which is 16 MiB at most (RFC 7932, section 9.2).
BROTLI_STEP = 32


@dataclass(frozen=True)
class Codec:
    """A codec at one level.

    *key* identifies everything but the content that its output depends on: the library, its version
    and the level. *format* and *level* are the arguments of `load_codec` for an equal codec.
    *decompress* takes a variant and the expected size in bytes; it returns the original, or more
    bytes than expected, or raises. All that *compress* returns begins with *header*.
    """

    suffix: str
    key: str
    format: str
    level: int
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes, int], bytes]
    header: bytes = b""

    def is_variant(self, data: bytes, content: bytes) -> bool:
        """Return whether *data* decompresses to *content*, and contains nothing else.

        *data* may be anything: memory is bounded by the size of *content*, not by what *data*
        claims.
        """
        try:
            return self.decompress(data, len(content)) == content
        except Exception:  # each library has its own errors for invalid data
            return False


def load_codec(format: str, effort: Effort, level: int | None = None) -> Codec | None:
    """Return the codec for *format* or "zopfli", or None if its library is not installed.

    *level* takes precedence over the level of *effort*; zopfli needs one.
    """
    level = LEVELS[format][effort] if level is None else level
    return {"br": _brotli, "gz": _gzip, "zopfli": _zopfli, "zst": _zstd}[format](level)


@contextmanager
def importable(directories: tuple[str, ...]) -> Iterator[None]:
    """Add *directories* to the end of ``sys.path`` in the block.

    Not for longer: a storage that tries ``import brotli`` must find what it finds under manage.py.
    """
    added = [directory for directory in directories if directory not in sys.path]
    sys.path.extend(added)
    try:
        yield
    finally:
        for directory in added:
            sys.path.remove(directory)


def library_paths() -> tuple[str, ...]:
    """Return the sys.path entries of the libraries imported so far, in the order of sys.path."""
    modules = filter(None, map(sys.modules.get, LIBRARIES))
    paths = chain.from_iterable(
        getattr(module, "__path__", None) or [module.__file__ or ""] for module in modules
    )
    found = {str(Path(path).parent) for path in paths if path}
    return tuple(path for path in sys.path if path in found) + tuple(sorted(found - {*sys.path}))


def _key(library: str, version: object, level: int) -> str:
    return re.sub(r"[^\w.-]", "_", f"{library}-{version}-{level}")  # part of a file name


def _gzip(level: int) -> Codec:
    if deflate := _import("deflate"):
        key = _key("libdeflate", getattr(deflate, "__version__", ""), level)

        def compress(content: bytes) -> bytes:
            return bytes(deflate.gzip_compress(content, level))
    else:
        key = _key("zlib", zlib.ZLIB_RUNTIME_VERSION, level)

        def compress(content: bytes) -> bytes:
            return zlib.compress(content, level, GZIP)

    # Without a name, a time, a comment or any other field (RFC 1952, 2.3).
    return Codec("gz", key, "gz", level, compress, _gunzip, compress(b"")[:10])


def _zopfli(iterations: int) -> Codec | None:
    zopfli = _import("zopfli.gzip")
    if zopfli is None:
        return None

    def compress(content: bytes) -> bytes:
        return bytes(zopfli.compress(content, numiterations=iterations))

    key = _key("zopfli", getattr(_import("zopfli"), "__version__", ""), iterations)
    return Codec("gz", key, "zopfli", iterations, compress, _gunzip, compress(b"")[:10])


def _gunzip(data: bytes, size: int) -> bytes:
    return _decompress_stream(zlib.decompressobj(GZIP), data, size)


def _brotli(level: int) -> Codec | None:
    brotli = _import("brotli")
    if brotli is None:
        return None

    def compress(content: bytes) -> bytes:
        return bytes(brotli.compress(content, quality=level))

    def decompress(data: bytes, size: int) -> bytes:
        decompressor = brotli.Decompressor()
        if hasattr(decompressor, "can_accept_more_data"):
            content = bytes(decompressor.process(data, output_buffer_limit=size + 1))
        else:  # before brotli 1.2, output cannot be limited, so input is
            output = bytearray()
            for start in range(0, len(data), BROTLI_STEP):
                if len(output) > size:
                    break
                output += decompressor.process(data[start : start + BROTLI_STEP])
            content = bytes(output)
        if not decompressor.is_finished():
            raise ValueError("The data is truncated, or longer than expected.")
        return content

    key = _key("brotli", getattr(brotli, "__version__", ""), level)
    return Codec("br", key, "br", level, compress, decompress)


def _zstd(level: int) -> Codec | None:
    zstd = _import("compression.zstd") or _import("backports.zstd")
    if zstd is None:
        return None

    def compress(content: bytes) -> bytes:
        return bytes(zstd.compress(content, level))

    def decompress(data: bytes, size: int) -> bytes:
        return _decompress_stream(zstd.ZstdDecompressor(), data, size)

    return Codec("zst", _key("zstd", zstd.zstd_version, level), "zst", level, compress, decompress)


def _decompress_stream(decompressor: Any, data: bytes, size: int) -> bytes:
    """Decompress *data*, which must be one complete stream with nothing after it."""
    content = bytes(decompressor.decompress(data, size + 1))
    if not decompressor.eof or decompressor.unused_data:
        raise ValueError("The data is truncated, longer than expected, or followed by other data.")
    return content


def _import(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None
