"""Reads the layers of an image from the archive that ``docker save`` or BuildKit writes."""

from __future__ import annotations

import json
import posixpath
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from typing import IO, Any, cast

from buildstatic.oci.documents import blob_path, is_attestation
from buildstatic.oci.zstd import MAGIC, ZstdError, open_zstd

INDEX = "index.json"
_HEADER = 512  # of a member of a tar, "ustar" at 257


@dataclass(frozen=True)
class Entry:
    """A member of a layer: its *path* without a leading or trailing slash, its *kind*, its size.

    *kind* is file, link (a hard link, of size 0), symlink, dir or other.
    """

    path: str
    kind: str
    size: int


@dataclass(frozen=True)
class Layer:
    """A layer: *diff_id* of its tar, *digest* of the blob, where that is compressed, else None."""

    diff_id: str
    digest: str | None
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Image:
    """One platform's image: its layers from the base up, and its configuration."""

    platform: str
    working_dir: str
    layers: tuple[Layer, ...]


def read_archive(stream: IO[bytes]) -> tuple[Image, ...]:
    """Return the images in *stream*, an OCI layout or ``docker save`` archive, one a platform.

    It is read once, from beginning to end, and nothing of it is kept but names and sizes
    (github.com/opencontainers/image-spec, image-layout.md).
    """
    documents: dict[str, Any] = {}
    links: dict[str, str] = {}
    layers: dict[str, tuple[Entry, ...]] = {}
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if member.issym():
                links[member.name] = posixpath.join(posixpath.dirname(member.name), member.linkname)
            if not member.isreg():
                continue
            content = BufferedReader(cast(RawIOBase, archive.extractfile(member)))
            if _is_document(content.peek(_HEADER)):
                documents[member.name] = json.loads(content.read())
            else:
                layers[member.name] = tuple(_entries(content))
    for name, target in links.items():
        layers[name] = layers.get(posixpath.normpath(target), ())
    manifests = _oci(documents) if INDEX in documents else _legacy(documents)
    return tuple(_image(documents[config], blobs, layers) for config, blobs in manifests)


def _is_document(start: bytes) -> bool:
    """Tell JSON from a layer; a layer's first bytes are a name, which may begin with a bracket."""
    return start[:1] in (b"{", b"[") and start[257:262] != b"ustar"


def _entries(content: BufferedReader[Any]) -> Iterator[Entry]:
    try:
        plain = open_zstd(content) if content.peek(4)[:4] == MAGIC else content
        with tarfile.open(fileobj=plain, mode="r|*") as layer:
            for member in layer:
                path = member.name.removeprefix("./").strip("/")
                yield Entry(path, kind_of(member), member.size if member.isreg() else 0)
    except (tarfile.ReadError, EOFError, ZstdError):
        return


def kind_of(member: tarfile.TarInfo) -> str:
    """Return what *member* is: a file, link, symlink, dir or other."""
    if member.isreg():
        return "file"
    if member.islnk():
        return "link"
    if member.issym():
        return "symlink"
    return "dir" if member.isdir() else "other"


def _oci(documents: dict[str, Any], name: str = INDEX) -> Iterator[tuple[str, list[str]]]:
    """Yield the configuration and the layers of every manifest below the index *name*."""
    for descriptor in documents[name]["manifests"]:
        blob = blob_path(descriptor["digest"])
        if blob not in documents or is_attestation(descriptor):
            continue
        if "manifests" in documents[blob]:
            yield from _oci(documents, blob)
        else:
            manifest = documents[blob]
            blobs = [blob_path(layer["digest"]) for layer in manifest["layers"]]
            yield blob_path(manifest["config"]["digest"]), blobs


def _legacy(documents: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield the same from the manifest.json of ``docker save`` before Docker 25."""
    for manifest in documents["manifest.json"]:
        yield manifest["Config"], manifest["Layers"]


def _image(config: dict[str, Any], blobs: list[str], layers: dict[str, Any]) -> Image:
    diff_ids = config["rootfs"]["diff_ids"]
    return Image(
        f"{config.get('os', '')}/{config.get('architecture', '')}",
        (config.get("config") or {}).get("WorkingDir") or "/",
        tuple(
            Layer(diff_id, _digest(blob, diff_id), layers.get(blob, ()))
            for diff_id, blob in zip(diff_ids, blobs, strict=True)
        ),
    )


def _digest(blob: str, diff_id: str) -> str | None:
    digest = blob.removeprefix("blobs/").replace("/", ":")
    return digest if blob.startswith("blobs/") and digest != diff_id else None
