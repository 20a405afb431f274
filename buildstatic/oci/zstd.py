"""Zstandard decompression: ``compression.zstd``, or ``backports.zstd`` before Python 3.14."""

from __future__ import annotations

import io
import sys
from typing import IO, TYPE_CHECKING

from buildstatic.errors import ImageInvalid
from buildstatic.oci.stream import CHUNK

if TYPE_CHECKING or sys.version_info < (3, 14):
    from backports.zstd import ZstdError, ZstdFile
else:
    try:
        from compression.zstd import ZstdError, ZstdFile
    except ImportError:  # Python was built without libzstd.
        ZstdError, ZstdFile = OSError, None

__all__ = ["MAGIC", "ZstdError", "open_zstd"]

MAGIC = b"\x28\xb5\x2f\xfd"  # RFC 8878, section 3.1.1


def open_zstd(stream: IO[bytes]) -> IO[bytes]:
    """Return the decompressed content of all frames in *stream*.

    Reading raises ZstdError if the data is corrupt and EOFError if it is truncated. Raises
    ImageInvalid if this Python has no zstd.
    """
    if ZstdFile is None:
        raise ImageInvalid("This Python was built without zstd.", "Use another Python.")
    return io.BufferedReader(ZstdFile(stream), CHUNK)
