"""The variants of an earlier image's static layer, for a build where no cache lasts."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from buildstatic.collect.codecs import FORMATS
from buildstatic.errors import ImageInvalid, StaticLayerNotFound
from buildstatic.oci.compose import static_layers
from buildstatic.oci.documents import Descriptor, Index, Manifest, parse_manifest
from buildstatic.oci.reference import Reference
from buildstatic.oci.store import open_source
from buildstatic.oci.stores.base import Source, available_images, read_blob, read_config
from buildstatic.oci.zstd import ZstdError, open_zstd

SUFFIXES = tuple(f".{suffix}" for suffix in (*FORMATS, "zstd"))


def take_variants(image: Reference, tree: str, into: Path, *, insecure: bool = False) -> int:
    """Write the variants below *tree*, an absolute path in *image*, into the directory *into*.

    Returns how many. They are those of the layer that is marked as the static one, else of the last
    layer that has any. Nothing else is written: no link, no file that is not below *tree*. Whoever
    uses them has to compare them with what they are variants of.

    Raises StaticLayerNotFound where no layer has any, ImageInvalid for a layer that cannot be read
    or with an entry that leads out of it, and what the stores raise.
    """
    where, wanted = str(image), PurePosixPath(tree.strip("/"))
    with open_source(image, insecure=insecure) as source:
        manifest = _manifest(source, where)
        for layer in _candidates(source, manifest, where):
            with source.open_blob(layer) as blob:
                tar = _plain(blob, layer)
                if count := _take(tar, wanted, into, f"{where}: the layer {layer.digest}"):
                    return count
    raise StaticLayerNotFound(f"No layer of {where} holds a variant below {tree}.")


def _manifest(source: Source, where: str) -> Manifest:
    """Return the first platform's manifest: static files are the same on all of them."""
    parsed = parse_manifest(source.resolve(), where)
    if isinstance(parsed, Index):
        first = next(available_images(source, parsed), None)
        parsed = parse_manifest(read_blob(source, first), where) if first else parsed
    if isinstance(parsed, Index):
        raise StaticLayerNotFound(f"{where} is an index with no image in it.")
    return parsed


def _candidates(source: Source, manifest: Manifest, where: str) -> Iterator[Descriptor]:
    marked = static_layers(manifest, read_config(source, manifest), where)
    last_first = reversed(range(len(manifest.layers)))
    for index in marked or last_first:
        if not manifest.layers[index].is_foreign:
            yield manifest.layers[index]


def _plain(blob: IO[bytes], layer: Descriptor) -> IO[bytes]:
    """Return *blob* for tarfile, which knows zstd from Python 3.14 on."""
    return open_zstd(blob) if layer.media_type.endswith("zstd") else blob


def _take(stream: IO[bytes], tree: PurePosixPath, into: Path, where: str) -> int:
    written: dict[PurePosixPath, Path] = {}
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as tar:
            for member in tar:
                path = _inside(member.name, where)
                if path.suffix in SUFFIXES and path.is_relative_to(tree):
                    _write(tar, member, path, into / path.relative_to(tree), written)
    except (tarfile.TarError, OSError, EOFError, ZstdError) as error:
        raise ImageInvalid(f"{where} cannot be read: {error}.") from error
    return len(written)


def _inside(name: str, where: str) -> PurePosixPath:
    """Return *name* as a path in the layer; raises ImageInvalid for one that leads out."""
    path = PurePosixPath(name.lstrip("/"))
    if ".." in path.parts or "\0" in name:
        problem = f"{where} has an entry that leads out of it: {name!r}."
        raise ImageInvalid(problem, "Do not use that image.")
    return path


def _write(
    tar: tarfile.TarFile,
    member: tarfile.TarInfo,
    path: PurePosixPath,
    target: Path,
    written: dict[PurePosixPath, Path],
) -> None:
    """Write a file, or another name of one that was written; anything else is passed over."""
    first = written.get(PurePosixPath(member.linkname.lstrip("/"))) if member.islnk() else None
    content = tar.extractfile(member) if member.isreg() else None
    if path in written or not (first or content):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if first:
        os.link(first, target)
    elif content:
        with target.open("xb") as file:
            while morsel := content.read(1 << 20):
                file.write(morsel)
    written[path] = target
