"""The layers of an image to verify: their entries, and the content of the static layer."""

from __future__ import annotations

import hashlib
import os
import posixpath
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import IO

from buildstatic.errors import FileError, ImageInvalid, ImageNotFound, StaticLayerNotFound
from buildstatic.oci.documents import (
    Document,
    ImageConfig,
    Manifest,
    may_be_image,
    nesting,
    parse_manifest,
)
from buildstatic.oci.earlier_releases import ReleasedFiles, read_release
from buildstatic.oci.layer_lookup import Image, ImageLayer, locate_static_files
from buildstatic.oci.layer_reader import (
    FILES,
    OPAQUE,
    WHITEOUT,
    LayerEntry,
    LayerReader,
    decompressed,
    is_compressed,
    read_layer,
    read_plain_layer,
)
from buildstatic.oci.static_layer import EARLIER, WHITEOUTS, marked_layers
from buildstatic.oci.stores.archive import MANIFEST_FILE
from buildstatic.oci.stores.base import ImageSource, read_config, read_image
from buildstatic.oci.stores.layout import VERSION_FILE, open_regular
from buildstatic.oci.stream import CHUNK, FileSlice, copy_stream, verified
from buildstatic.verify.tree import LayerContent, StaticTree, tree_not_found

NOT_OF_LAYERS = (b"\xfd7zXZ\x00", b"BZh")  # archives may be xz or bzip2 as well
RESERVED_SPACE = 256 << 20  # bytes that temporary files leave free


class LayeredImage:
    """The image of one platform. Each layer is read when it is first needed; use `close`."""

    def __init__(self, source: ImageSource, manifest: Manifest, config: ImageConfig) -> None:
        self.manifest = manifest
        self.config = config
        self.name = str(source.reference)
        self._source = source
        self._entries: dict[int, tuple[LayerEntry, ...]] = {}
        self._by_path: dict[int, Mapping[str, LayerEntry]] = {}
        self._tars: dict[int, FileSlice] = {}
        self._files = ExitStack()

    def close(self) -> None:
        """Delete the temporary files."""
        self._files.close()

    def __len__(self) -> int:
        """Return the number of layers."""
        return len(self.manifest.layers)

    @cached_property
    def marked(self) -> tuple[int, ...]:
        """The indexes, counted from the base, of the layers that are marked as static."""
        return marked_layers(self.manifest, self.config, self.name)

    @cached_property
    def of_earlier_releases(self) -> tuple[int, ...]:
        """The indexes of the layers of earlier releases, and of the whiteouts above them."""
        return marked_layers(self.manifest, self.config, self.name, EARLIER, WHITEOUTS)

    @cached_property
    def releases(self) -> Mapping[int, ReleasedFiles | StaticLayerNotFound]:
        """The files of each layer of an earlier release, or why they are unknown."""
        releases: dict[int, ReleasedFiles | StaticLayerNotFound] = {}
        for index in marked_layers(self.manifest, self.config, self.name, EARLIER):
            layer = self.manifest.layers[index]
            try:
                with self._source.open_blob(layer) as stream:
                    releases[index] = read_release(stream, f"the layer {layer.digest}")
            except StaticLayerNotFound as error:
                releases[index] = error
        return releases

    def entries(self, index: int) -> tuple[LayerEntry, ...]:
        """Return the entries of a layer, none for a foreign one; raises ImageInvalid."""
        if index not in self._entries:
            layer = self.manifest.layers[index]
            source = f"{self.name}: {layer.digest}"
            if layer.is_foreign:
                self._entries[index] = ()
            elif index == (self.marked or (len(self) - 1,))[-1]:
                # Most likely the static layer, whose content is needed as well.
                self._entries[index] = read_plain_layer(self._tar(index), source)
            else:
                with self._source.open_blob(layer) as stream:
                    self._entries[index] = read_layer(stream, source)
        return self._entries[index]

    def entries_by_path(self, index: int) -> Mapping[str, LayerEntry]:
        """Return the entries of a layer by their paths."""
        if index not in self._by_path:
            self._by_path[index] = {entry.path: entry for entry in self.entries(index)}
        return self._by_path[index]

    def entry_below(self, index: int, path: str) -> LayerEntry | None:
        """Return the entry at *path* in the layers below *index*, None if there is none.

        A whiteout hides what is below its layer, and so does a file in place of a parent directory
        (OCI image-spec, layer.md).
        """
        for lower in range(index - 1, -1, -1):
            entries = self.entries_by_path(lower)
            if path in entries:
                return entries[path]
            if _hides(entries, path):
                return None
        return None

    def locate(self, static_root: str | None) -> tuple[int, str]:
        """Return the index of the static layer, and the path of the tree in it.

        The marked layer is preferred, then the one with most static files. *static_root* is
        absolute or relative to the project's root. Raises StaticLayerNotFound.
        """
        if self.marked:
            index = self.marked[-1]
            located = locate_static_files(self._image(range(index, index + 1)), static_root)
            if located is not None:
                return index, located[1].strip("/")
            files = [entry.path for entry in self.entries(index) if entry.kind in FILES]
            if files and static_root is None:
                return index, posixpath.commonpath({posixpath.dirname(path) for path in files})
        located = locate_static_files(self._image(range(len(self))), static_root)
        if located is None:
            raise tree_not_found(self.name)
        return located[0], located[1].strip("/")

    def tree(self, index: int, root: str) -> StaticTree:
        """Return the static files at *root* in a layer, valid until the image is closed."""
        return StaticTree(
            self.name,
            root,
            self.entries(index),
            LayerContent(self._tar(index)),
            is_layer=True,
            has_owners=True,
            diff_id=self.config.diff_ids[index],
            digest=self.manifest.layers[index].digest,
        )

    @property
    def working_dir(self) -> str:
        """The directory in which the image's command starts."""
        return str((self.config.extra.get("config") or {}).get("WorkingDir") or "/")

    def _image(self, indexes: range) -> Image:
        layers = (ImageLayer(self.config.diff_ids[n], None, self.entries(n)) for n in indexes)
        return Image(self.config.platform, self.working_dir, tuple(layers))

    def _tar(self, index: int) -> FileSlice:
        """Return the uncompressed tar of a layer on disk, which has been compared with its digest.

        Raises ImageInvalid if the digest is wrong, FileError if the disk is too full.
        """
        if index in self._tars:
            return self._tars[index]
        layer, diff_id = self.manifest.layers[index], self.config.diff_ids[index]
        blob = self._files.enter_context(self._source.open_file(layer))
        if blob is not None and layer.digest == diff_id and not is_compressed(blob):
            with blob.stream() as stream:
                copy_stream(verified(stream, layer, self.name), len)
            self._tars[index] = blob
            return blob
        source = f"{self.name}: {layer.digest}"
        algorithm = diff_id.partition(":")[0]
        with self._source.open_blob(layer) as stream:
            tar, found = _decompress(stream, source, algorithm, self._files)
        if found != diff_id:
            problem = f"{source}: the layer has the diffID {found}, not {diff_id}."
            raise ImageInvalid(problem, "Build or pull the image again.")
        self._tars[index] = tar
        return tar


def _decompress(
    stream: IO[bytes], source: str, algorithm: str, files: ExitStack
) -> tuple[FileSlice, str]:
    """Return the tar of the layer in *stream*, and its diffID by the hash *algorithm*.

    It is in a temporary file until *files* is closed. Raises ImageInvalid, and FileError if the
    disk is too full.
    """
    free = shutil.disk_usage(tempfile.gettempdir()).free - RESERVED_SPACE
    size = 0
    digest = hashlib.new(algorithm)
    file = tempfile.TemporaryFile(prefix="buildstatic-")  # noqa: SIM115
    files.enter_context(file)
    with decompressed(stream, source) as plain:
        while chunk := plain.read(CHUNK):
            size += len(chunk)
            if size > free:
                problem = f"{source}: {tempfile.gettempdir()} has no space for the layer."
                raise FileError(problem, "Free disk space, or set TMPDIR.")
            digest.update(chunk)
            file.write(chunk)
    file.flush()
    return FileSlice(file.fileno(), 0, size), f"{algorithm}:{digest.hexdigest()}"


def is_image_archive(path: Path) -> bool:
    """Return whether the file *path* is an archive of an image rather than a layer.

    An archive has an OCI layout's files or the list of images of ``docker save``; the manifest.json
    of a front-end build is not a list. Raises ImageInvalid if it is not a tar.
    """
    with open_regular(path) as file:
        start = file.read(6)
        file.seek(0)
        if any(start.startswith(magic) for magic in NOT_OF_LAYERS):
            return True
        with decompressed(file, str(path)) as plain:
            layer = LayerReader(plain, str(path))
            for entry in layer:
                if entry.path == VERSION_FILE:
                    return True
                if entry.path == MANIFEST_FILE and entry.kind == "file":
                    return next(layer.chunks(), b"").lstrip()[:1] == b"["
    return False


def read_layer_file(path: Path, static_root: str | None, files: ExitStack) -> StaticTree:
    """Return the static files in the layer *path*, a tar that may be compressed.

    They are valid until *files* is closed. Raises StaticLayerNotFound, ImageInvalid, FileError.
    """
    name = str(path)
    file = files.enter_context(open_regular(path))
    blob = FileSlice(file.fileno(), 0, os.fstat(file.fileno()).st_size)
    with blob.stream() as stream:
        digest = f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"  # type: ignore[arg-type]
    tar, diff_id = blob, digest
    if is_compressed(blob):
        with blob.stream() as stream:
            tar, diff_id = _decompress(stream, name, "sha256", files)
    entries = read_plain_layer(tar, name)
    image = Image("", "/", (ImageLayer(diff_id, digest, entries),))
    located = locate_static_files(image, static_root)
    names = [entry.path for entry in entries if entry.kind in FILES]
    if located is None and (static_root or not names):
        raise tree_not_found(name)
    root = located[1] if located else posixpath.commonpath(map(posixpath.dirname, names))
    return StaticTree(
        name,
        root.strip("/"),
        entries,
        LayerContent(tar),
        is_layer=True,
        has_owners=True,
        diff_id=diff_id,
        digest=None if tar is blob else digest,
    )


def read_images(source: ImageSource) -> tuple[LayeredImage, ...]:
    """Return the images of *source*, one for each platform.

    Raises ImageNotFound if there is none, ImageInvalid if one cannot be read.
    """
    images = tuple(_read_images(source, source.resolve(), frozenset()))
    if not images:
        raise ImageNotFound(f"{source.reference} is an index without an image.")
    return images


def _read_images(
    source: ImageSource, document: Document, above: frozenset[str]
) -> Iterator[LayeredImage]:
    parsed = parse_manifest(document, str(source.reference))
    if isinstance(parsed, Manifest):
        yield LayeredImage(source, parsed, read_config(source, parsed))
        return
    inside = nesting(above, document.descriptor)
    for entry in {entry.digest: entry for entry in filter(may_be_image, parsed.manifests)}.values():
        if image := read_image(source, entry):
            yield from _read_images(source, image, inside)


def _hides(entries: Mapping[str, LayerEntry], path: str) -> bool:
    """Return whether the layer of *entries* hides *path* of the layers below."""
    while path:
        parent, _, name = path.rpartition("/")
        prefix = f"{parent}/" if parent else ""
        if f"{prefix}{WHITEOUT}{name}" in entries or f"{prefix}{OPAQUE}" in entries:
            return True
        if parent in entries and entries[parent].kind != "dir":
            return True
        path = parent
    return False
