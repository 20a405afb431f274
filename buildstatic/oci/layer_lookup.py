"""Finds the static layer of an image in the engine: by its tree, else in the saved image.

To read layers, the engine has to write the whole image into an archive. But a layer is identified
by the digest of its tar, and the engine returns any directory as a tar: if the tree, written as a
layer, has the diffID of one of the image's layers, that layer holds the tree and nothing else, and
no other layer changes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import BufferedReader, RawIOBase
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast

from buildstatic.errors import ImageInvalid, StaticLayerNotFound
from buildstatic.oci.documents import blob_path, is_attestation
from buildstatic.oci.layer_reader import LayerEntry, open_layer
from buildstatic.oci.layer_writer import directory_entries
from buildstatic.oci.static_layer import (
    Image,
    ImageLayer,
    StaticLayer,
    find_static_layer,
    static_root_candidates,
)
from buildstatic.oci.stream import CHUNK, stream_chunks
from buildstatic.oci.tar_headers import (
    DIRECTORY,
    END_OF_ARCHIVE,
    FILE,
    LINK,
    TarEntry,
    padding,
    tar_header,
)

if TYPE_CHECKING:
    from docker import DockerClient

_KINDS = {tarfile.REGTYPE: FILE, tarfile.LNKTYPE: LINK, tarfile.DIRTYPE: DIRECTORY}
# The container is never started, but the engine requires a command.
_COMMAND = ["true"]
INDEX = "index.json"
_TAR_HEADER = 512  # bytes, with "ustar" at 257


def image_id_in_engine(client: DockerClient, *names: str | None) -> str | None:
    """Return the ID of the image that has one of *names*, tags or digests; None if there is none.

    In the containerd image store the ID is the digest of the manifest, else that of the
    configuration.
    """
    from docker.errors import ImageNotFound

    for name in names:
        with suppress(ImageNotFound):
            if name:
                return str(client.images.get(name).id)
    return None


def layers_of(client: DockerClient, image: str) -> tuple[str, ...]:
    """Return the diffIDs of *image*, a tag or an ID; none if the engine has no such image."""
    from docker.errors import ImageNotFound

    with suppress(ImageNotFound):
        return tuple(client.images.get(image).attrs["RootFS"].get("Layers") or ())
    return ()


def find_in_engine(
    client: DockerClient, image_id: str, static_root: str | None, *, required: bool = True
) -> StaticLayer | None:
    """Return the static layer of the image *image_id*, by its tree if possible.

    *static_root* is absolute or relative to the project, None if it is unknown. Without a static
    layer that is *required*, it raises StaticLayerNotFound.
    """
    found = find_by_tree(client, image_id, static_root) if static_root else None
    if found:
        return found
    images = read_saved_images(stream_chunks(client.api.get_image(image_id)))
    return find_in_images(images, static_root, required=required)


def find_in_images(
    images: Sequence[Image], static_root: str | None, *, required: bool = True
) -> StaticLayer | None:
    """Return the static layer of the first of *images*, which are one for each platform.

    Raises StaticLayerNotFound if one of them has none and it is *required*.
    """
    try:
        layers = [find_static_layer(image, static_root) for image in images]
    except StaticLayerNotFound:
        if required:
            raise
        return None
    return layers[0]


def find_by_tree(client: DockerClient, image_id: str, static_root: str) -> StaticLayer | None:
    """Return the static layer of the image *image_id* whose tree is at *static_root*.

    None if no layer holds the tree and nothing else, or if the engine refuses.
    """
    from docker.errors import DockerException, NotFound

    try:
        attributes = client.images.get(image_id).attrs
        layers = attributes["RootFS"].get("Layers") or []
        container = client.api.create_container(image_id, _COMMAND)["Id"]
        try:
            working_dir = attributes["Config"].get("WorkingDir") or "/"
            for tree in static_root_candidates(working_dir, static_root):
                try:
                    chunks, _ = client.api.get_archive(container, tree, CHUNK)
                except NotFound:
                    continue
                layer = _layer_of(stream_chunks(chunks), tree)
                return layer if layer and layer.diff_id in layers else None
        finally:
            client.api.remove_container(container, v=True, force=True)
    except (DockerException, tarfile.TarError, OSError):
        pass
    return None


def _layer_of(stream: IO[bytes], tree: str) -> StaticLayer | None:
    """Return the layer for *stream*, the engine's archive of *tree*.

    None if it has entries that no static layer has.
    """
    digest = hashlib.sha256()
    files = size = 0
    for parent in directory_entries(PurePosixPath(posixpath.dirname(tree))):
        digest.update(tar_header(parent))
    with tarfile.open(fileobj=stream, mode="r|", errors="surrogateescape") as archive:
        for member in archive:
            kind = _KINDS.get(member.type)
            if kind is None:
                return None
            # The names begin with that of the tree, relative to its parent.
            name, link = (
                os.fsencode(posixpath.join(posixpath.dirname(tree), path).strip("/"))
                for path in (member.name, member.linkname)
            )
            entry = TarEntry(
                name + b"/" if kind == DIRECTORY else name,
                kind,
                member.mode & 0o7777,
                int(member.mtime // 1),
                member.size if kind == FILE else 0,
                link if kind == LINK else b"",
            )
            digest.update(tar_header(entry))
            size += entry.size
            files += kind != DIRECTORY
            if member.size and (content := archive.extractfile(member)):
                while chunk := content.read(CHUNK):
                    digest.update(chunk)
                digest.update(bytes(padding(member.size)))
    digest.update(END_OF_ARCHIVE)
    return StaticLayer(tree, files, size, f"sha256:{digest.hexdigest()}", None)


def read_saved_images(stream: IO[bytes]) -> tuple[Image, ...]:
    """Return the images in *stream*, an OCI layout or ``docker save`` archive, one per platform.

    The stream is read once, and only documents, names and sizes are kept in memory
    (github.com/opencontainers/image-spec, image-layout.md).
    """
    documents: dict[str, Any] = {}
    links: dict[str, str] = {}
    layers: dict[str, tuple[LayerEntry, ...]] = {}
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if member.issym():
                links[member.name] = posixpath.join(posixpath.dirname(member.name), member.linkname)
            if not member.isreg():
                continue
            content = BufferedReader(cast(RawIOBase, archive.extractfile(member)))
            start = content.peek(_TAR_HEADER)
            # The first name in a layer may begin with a bracket as well.
            if start[:1] in (b"{", b"[") and start[257:262] != b"ustar":
                documents[member.name] = json.loads(content.read())
                continue
            entries: list[LayerEntry] = []
            with suppress(ImageInvalid), open_layer(content, member.name) as layer:
                entries.extend(layer)
            layers[member.name] = tuple(entries)
    for name, target in links.items():
        layers[name] = layers.get(posixpath.normpath(target), ())
    manifests = (
        _oci_manifests(documents, INDEX) if INDEX in documents else _legacy_manifests(documents)
    )
    return tuple(_image(documents[config], blobs, layers) for config, blobs in manifests)


def _oci_manifests(documents: dict[str, Any], name: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the paths of the configuration and layers of every manifest below the index *name*."""
    for descriptor in documents[name]["manifests"]:
        path = blob_path(descriptor["digest"])
        if path not in documents or is_attestation(descriptor):
            continue
        document = documents[path]
        if "manifests" in document:
            yield from _oci_manifests(documents, path)
        else:
            layers = [blob_path(layer["digest"]) for layer in document["layers"]]
            yield blob_path(document["config"]["digest"]), layers


def _legacy_manifests(documents: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield the same from the manifest.json of ``docker save`` before Docker 25."""
    for manifest in documents["manifest.json"]:
        yield manifest["Config"], manifest["Layers"]


def _image(
    config: dict[str, Any], paths: list[str], entries: dict[str, tuple[LayerEntry, ...]]
) -> Image:
    layers = []
    for diff_id, path in zip(config["rootfs"]["diff_ids"], paths, strict=True):
        digest = path.removeprefix("blobs/").replace("/", ":")
        is_compressed = path.startswith("blobs/") and digest != diff_id
        layers.append(ImageLayer(diff_id, digest if is_compressed else None, entries.get(path, ())))
    return Image(
        f"{config.get('os', '')}/{config.get('architecture', '')}",
        (config.get("config") or {}).get("WorkingDir") or "/",
        tuple(layers),
    )
