"""Finds the static layer of an image by its content: in the engine, or in an archive of the image.

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
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import BufferedReader, RawIOBase
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast

from buildstatic.atomic import replace_file
from buildstatic.collect.cache import default_directory
from buildstatic.dockerfile import APP
from buildstatic.errors import ImageInvalid, StaticLayerNotFound
from buildstatic.oci.documents import blob_path, is_attestation
from buildstatic.oci.layer_reader import FILES, WHITEOUT, LayerEntry, open_layer, replaced_path
from buildstatic.oci.layer_writer import MANIFEST, directory_entries
from buildstatic.oci.stream import CHUNK, MAX_DOCUMENT_SIZE, stream_chunks
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


@dataclass(frozen=True)
class ImageLayer:
    """A layer: *diff_id* of its tar, and *digest* of the blob if that is compressed, else None."""

    diff_id: str
    digest: str | None
    entries: tuple[LayerEntry, ...]


@dataclass(frozen=True)
class Image:
    """The image of one platform, with its layers from the base up."""

    platform: str
    working_dir: str
    layers: tuple[ImageLayer, ...]


@dataclass(frozen=True)
class StaticLayer:
    """The layer that holds the static files.

    *path* is the tree's in the image. *files* is the number of its file names, *bytes* their size;
    hard links count once. *older* is the number of files of the tree that are in earlier layers
    only.
    """

    path: str
    files: int
    bytes: int
    diff_id: str
    digest: str | None
    older: int = 0


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
        last, record = _record(attributes, static_root, dockerfile)
        if dockerfile:
            with suppress(OSError, ValueError, TypeError):
                return StaticLayer(**json.loads(record.read_bytes()))
        if found := find_by_tree(client, image_id, static_root):
            if dockerfile and found.diff_id == last:
                with suppress(OSError):
                    record.parent.mkdir(parents=True, exist_ok=True)
                    with replace_file(record) as file:
                        file.write(json.dumps(asdict(found)).encode())
            return found
    images = read_saved_images(stream_chunks(client.api.get_image(image_id)))
    return find_in_images(images, static_root, required=required)


def _record(
    attributes: dict[str, Any], static_root: str, dockerfile: str | None
) -> tuple[str, Path]:
    """Return the diffID of the last layer of an image, and the file for what was found in it.

    A diffID determines the files of its layer, and no other layer hides those of the last one. So
    they are the same in the next image that has this layer at its end. Another Dockerfile may put
    more files below them.
    """
    last = (attributes["RootFS"].get("Layers") or [""])[-1]
    key = json.dumps([last, attributes["Config"].get("WorkingDir"), static_root, dockerfile])
    return last, default_directory() / "layers" / f"{hashlib.sha256(key.encode()).hexdigest()}.json"


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
                if member.size <= MAX_DOCUMENT_SIZE:
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


def find_static_layer(image: Image, static_root: str | None) -> StaticLayer:
    """Return the layer of *image* that holds the static files.

    *static_root* is absolute or relative to the project's root; if it is None, the tree is where
    the manifest is. Raises StaticLayerNotFound if no layer has a file of it, or if a later layer
    hides one.
    """
    located = locate_static_files(image, static_root)
    if located is None:
        raise StaticLayerNotFound(
            f"No layer of the image has a file in {static_root or 'a directory with a manifest'}.",
            "Check that the final stage has COPY --link --from=static /layer/ / "
            "and that collecting finds files.",
        )
    index, tree = located
    layer = image.layers[index]
    entries = files_below(layer, tree.strip("/"))
    names = {entry.path for entry in entries}
    parents = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    for later in image.layers[index + 1 :]:
        for entry in later.entries:
            path, keeps_content = replaced_path(entry)
            if path in names or (path in parents and not keeps_content):
                raise StaticLayerNotFound(
                    f"A later layer ({later.diff_id}) hides /{path} of the static layer.",
                    "Move COPY --link --from=static /layer/ / to the end of the final stage, and "
                    "add an earlier tree to .dockerignore.",
                )
    earlier = {
        entry.path for each in image.layers[:index] for entry in files_below(each, tree.strip("/"))
    }
    size = sum(entry.size for entry in entries)
    return StaticLayer(tree, len(names), size, layer.diff_id, layer.digest, len(earlier - names))


def locate_static_files(image: Image, static_root: str | None) -> tuple[int, str] | None:
    """Return the index of the layer with most static files, and the absolute path of their tree.

    The topmost of several such layers; None if no layer has a file. *static_root* is that of
    `find_static_layer`.
    """
    if static_root is None:
        trees: Iterator[str] = (
            f"/{posixpath.dirname(entry.path)}"
            for layer in image.layers
            for entry in layer.entries
            if posixpath.basename(entry.path) == MANIFEST and entry.kind in FILES
        )
    else:
        trees = static_root_candidates(image.working_dir, static_root)
    for tree in trees:
        counts = [len(files_below(layer, tree.strip("/"))) for layer in image.layers]
        if any(counts):
            return max(range(len(counts)), key=lambda index: (counts[index], index)), tree
    return None


def static_root_candidates(working_dir: str, static_root: str) -> Iterator[str]:
    """Yield the possible absolute paths of *static_root* in an image.

    The project's root is the image's working directory or one of its parents.
    """
    working = PurePosixPath(working_dir)
    for root in (working, *working.parents, PurePosixPath(APP)):
        yield posixpath.normpath(root / static_root)


def files_below(layer: ImageLayer, tree: str) -> list[LayerEntry]:
    """Return the files that *layer* has below *tree*, a path without a leading slash."""
    return [
        entry
        for entry in layer.entries
        if entry.kind in FILES
        and entry.path.startswith(f"{tree}/")
        and not posixpath.basename(entry.path).startswith(WHITEOUT)
    ]
