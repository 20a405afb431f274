"""Reads zstd: by the standard library from Python 3.14 on, else by zstandard."""

from __future__ import annotations

import io
from importlib import import_module
from typing import IO, Any, cast

from buildstatic.oci.stream import CHUNK

MARK = b"\x28\xb5\x2f\xfd"  # RFC 8878, section 3.1.1


def zstd_error() -> type[Exception]:
    """Return what reading raises for what is no zstd."""
    error: type[Exception] = _library().ZstdError
    return error


def unpacked(stream: IO[bytes]) -> IO[bytes]:
    """Return what the zstd in *stream* holds, of all its frames."""
    library = _library()
    if hasattr(library, "ZstdFile"):
        return io.BufferedReader(library.ZstdFile(stream), CHUNK)
    reader = library.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
    return io.BufferedReader(cast(io.RawIOBase, reader), CHUNK)


def _library() -> Any:
    try:
        return import_module("compression.zstd")
    except ImportError:
        return import_module("zstandard")
