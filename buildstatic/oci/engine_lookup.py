"""Finds an image, and its static layer, in the engine.

To read layers, an engine has to write the whole image into an archive. But a layer is identified
by the digest of its tar, and the engine returns any directory as a tar: if the tree, written as a
layer, has the diffID of one of the image's layers, that layer holds the tree and nothing else, and
no other layer changes it. Reading the tree takes seconds, so what was found is recorded in the
cache directory.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import tarfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from buildstatic.atomic import replace_file
from buildstatic.collect.cache import default_directory
from buildstatic.oci.layer_lookup import StaticLayer, find_in_images, static_root_candidates
from buildstatic.oci.layer_writer import directory_entries
from buildstatic.oci.saved_images import read_saved_images
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
_RUN = re.compile(r"^\s*RUN\b", re.IGNORECASE | re.MULTILINE)
# The container is never started, but the engine requires a command.
_COMMAND = ["true"]


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


def find_in_engine(
    client: DockerClient,
    image_id: str,
    static_root: str | None,
    *,
    required: bool = True,
    dockerfile: str | None = None,
) -> StaticLayer | None:
    """Return the static layer of the image *image_id*, by a record or by its tree if possible.

    *static_root* is absolute or relative to the project, None if it is unknown. Without a static
    layer that is *required*, it raises StaticLayerNotFound. With the text of its *dockerfile* it
    uses a record; omit it if the build context may have files at *static_root*.
    """
    if static_root:
        attributes = client.images.get(image_id).attrs
        records = _records(attributes, static_root, dockerfile) if dockerfile else {}
        for known in records.values():
            with suppress(OSError, ValueError, TypeError):
                return StaticLayer(**json.loads(known.read_bytes()))
        if found := find_by_tree(client, image_id, static_root):
            if record := records.get(found.diff_id):
                with suppress(OSError):
                    record.parent.mkdir(parents=True, exist_ok=True)
                    with replace_file(record) as file:
                        file.write(json.dumps(asdict(found)).encode())
            return found
    images = read_saved_images(stream_chunks(client.api.get_image(image_id)))
    return find_in_images(images, static_root, required=required)


def _records(attributes: dict[str, Any], static_root: str, dockerfile: str) -> dict[str, Path]:
    """Return the diffIDs of layers of an image, each with the file for what was found in it.

    A diffID determines the files of its layer. If no other layer had files of the tree, none has
    in the next image of the same Dockerfile: its build context has none. But a command that runs
    after the static files were copied may write to the tree; then only the last layer has a record.
    """
    layers = attributes["RootFS"].get("Layers") or []
    if _RUN.search(dockerfile.rpartition("--from=static")[2]):
        layers = layers[-1:]
    directory = default_directory() / "layers"
    place = (attributes["Config"].get("WorkingDir"), static_root, dockerfile)
    keys = {
        layer: hashlib.sha256(json.dumps([layer, *place]).encode()).hexdigest()
        for layer in reversed(layers)
    }
    return {layer: directory / f"{key}.json" for layer, key in keys.items()}


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
