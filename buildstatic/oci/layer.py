"""Writes a tree as an OCI layer, the one that BuildKit makes of it, with no engine."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any

from buildstatic.oci.members import Member, as_they_stand, laid_out
from buildstatic.oci.pack import Compression, Packer, Unread
from buildstatic.oci.static_layer import MANIFEST
from buildstatic.oci.tarball import DIRECTORY, END, FILE, Entry, header, padding
from buildstatic.oci.tree import changed, unread

# OCI image-spec, layer.md, "Media Types"
MEDIA_TYPES: dict[Compression, str] = {
    "none": "application/vnd.oci.image.layer.v1.tar",
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
}
# Where containerd and BuildKit look for the diffID of a descriptor (containerd, core/labels).
DIFF_ID = "containerd.io/uncompressed"
FILES, BYTES = "buildstatic.files", "buildstatic.bytes"


@dataclass(frozen=True)
class Layer:
    """A layer that was written: an OCI descriptor's members, and what is in it.

    *digest* and *size* are of the bytes written, *diff_id* is the digest of the tar in them.
    *files* is the number of its names, *bytes* what they take, where names of one file take it
    once. *tree* is the directory in the image that all of them are below, an absolute path: that of
    the manifest, if it can be; empty where it is not known.
    """

    media_type: str
    digest: str
    size: int
    diff_id: str
    files: int
    bytes: int
    tree: str = ""


def write_layer(
    root: Path, output: IO[bytes], compression: Compression = "gzip", threads: int = 1
) -> Layer:
    """Write the layer root *root* to *output* as the layer that BuildKit makes of it.

    That is the one of ``FROM scratch`` and ``COPY --link --from=static /layer/ /``: the same
    diffID. What is written depends on the tree, on *compression* and on the libraries' versions,
    not on the number of *threads* that compress.

    Raises `FileError`, and whatever OSError *output* raises; then what is written is of no use.
    """
    place = os.fsencode(root)
    return _write(place, as_they_stand(place), output, compression, threads)


def write_tree(
    tree: Path,
    at: PurePosixPath,
    output: IO[bytes],
    compression: Compression = "gzip",
    threads: int = 1,
) -> Layer:
    """Write the collected *tree*, which lies *at* in the image, as `write_layer` does a root.

    It is the layer that ``buildstatic collect --layer-root`` would have led to; the times, modes
    and links of *tree* do not matter. Raises the same.
    """
    place = os.fsencode(tree)
    layer = _write(place, laid_out(place, at), output, compression, threads)
    return replace(layer, tree=str(at))


def descriptor(layer: Layer) -> dict[str, Any]:
    """Return the OCI descriptor of *layer*, with what it holds as annotations."""
    return {
        "mediaType": layer.media_type,
        "digest": layer.digest,
        "size": layer.size,
        "annotations": {
            DIFF_ID: layer.diff_id,
            FILES: str(layer.files),
            BYTES: str(layer.bytes),
        },
    }


def _write(
    place: bytes,
    members: Iterable[Member],
    output: IO[bytes],
    compression: Compression,
    threads: int,
) -> Layer:
    files = size = 0
    above = _Above()
    with Packer(output, compression, threads) as packer:
        for member in members:
            _add(packer, member, place)
            size += member.entry.size
            if member.entry.kind != DIRECTORY:
                files += 1
                above.add(member.entry.name)
        packer.write(END)
        packed = packer.finish()
    media_type = MEDIA_TYPES[compression]
    return Layer(media_type, packed.digest, packed.size, packed.diff_id, files, size, above.tree)


class _Above:
    """Finds the directory that files are below."""

    def __init__(self) -> None:
        self._common: bytes | None = None
        self._manifests: list[bytes] = []

    def add(self, name: bytes) -> None:
        """Take the name of a file."""
        directory, _, base = name.rpartition(b"/")
        if self._common is None:
            self._common = directory
        elif not (directory + b"/").startswith(self._common + b"/"):
            self._common = os.path.commonpath([self._common, directory])
        if base == MANIFEST.encode():
            self._manifests.append(directory)

    @property
    def tree(self) -> str:
        """That of the only manifest, where all are below it, else the nearest one; empty for /."""
        common = self._common or b""
        above = [each for each in self._manifests if (common + b"/").startswith(each + b"/")]
        found = above[0] if len(self._manifests) == 1 and above else common
        return f"/{os.fsdecode(found)}" if found else ""


def _add(packer: Packer, member: Member, place: bytes) -> None:
    entry, content = member
    packer.write(header(entry))
    if entry.kind != FILE:
        return
    if isinstance(content, bytes):
        packer.write(content)
    else:
        _copy(packer, content, entry, place)
    packer.skip(padding(entry.size))


def _copy(packer: Packer, content: int, entry: Entry, place: bytes) -> None:
    try:
        if not packer.copy(content, entry.size):
            raise changed(place, entry.name)
    except Unread as failure:
        raise unread(place, entry.name, failure.error) from failure
