"""Writes a layer root as the layer of an image."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

MEDIA_TYPE = "application/vnd.oci.image.layer.v1.tar"
Compression = Literal["gzip", "zstd", "none"]


@dataclass(frozen=True)
class Layer:
    """A layer that was written.

    *digest* and *size* are those of the bytes written, *diff_id* is the digest of the uncompressed
    tar; *files* and *bytes* what it holds.
    """

    media_type: str
    digest: str
    size: int
    diff_id: str
    files: int
    bytes: int


def write_layer(
    root: Path,
    output: IO[bytes],
    compression: Compression = "gzip",
    threads: int = 1,  # noqa: ARG001
) -> Layer:
    """Write what is below *root* to *output* as a tar and return what came out."""
    import io

    plain = io.BytesIO()
    files = sizes = 0
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for path in sorted(root.rglob("*")):
            member = archive.gettarinfo(path, path.relative_to(root).as_posix())
            member.uid = member.gid = member.mtime = 0
            member.uname = member.gname = ""
            if member.isreg():
                files, sizes = files + 1, sizes + member.size
                with path.open("rb") as content:
                    archive.addfile(member, content)
            else:
                archive.addfile(member)
    packed, suffix = _pack(plain.getvalue(), compression)
    output.write(packed)
    return Layer(
        MEDIA_TYPE + suffix, _sha256(packed), len(packed), _sha256(plain.getvalue()), files, sizes
    )


def _pack(content: bytes, compression: Compression) -> tuple[bytes, str]:
    if compression == "gzip":
        return gzip.compress(content, mtime=0), "+gzip"
    if compression == "zstd":
        import zstandard

        return zstandard.compress(content), "+zstd"
    return content, ""


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
