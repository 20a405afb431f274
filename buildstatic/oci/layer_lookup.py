"""Says what the static layer of an engine's image is by the tree alone, as a container has it.

To read the layers themselves, the engine writes the whole image into an archive first. But a layer
is known by the digest of its tar: where the last one's is that of the tree, made into a layer, it
holds all of the tree and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING

from buildstatic.oci.engine import uses_containerd
from buildstatic.oci.members import directories_above
from buildstatic.oci.static_layer import StaticLayer, places_of
from buildstatic.oci.stream import CHUNK, stream_chunks
from buildstatic.oci.tarball import DIRECTORY, END, FILE, LINK, Entry, header, padding

if TYPE_CHECKING:
    from docker import DockerClient

_KINDS = {tarfile.REGTYPE: FILE, tarfile.LNKTYPE: LINK, tarfile.DIRTYPE: DIRECTORY}
# The container is never started, but an image without a command makes none without one.
_COMMAND = ["true"]


def glance(client: DockerClient, image_id: str, static_root: str) -> StaticLayer | None:
    """Return the static layer of the image *image_id*, whose tree is at *static_root*.

    None where it is not the last layer, or that holds less or more than the tree, or where the
    engine does not let us look: then `find_static_layer` has to tell. So it has in containerd's
    store, whose layers are compressed, and have digests of their own.
    """
    from docker.errors import DockerException, NotFound

    try:
        if uses_containerd(client):
            return None
        described = client.images.get(image_id).attrs
        last = (described["RootFS"].get("Layers") or [""])[-1]
        with _container(client, image_id) as container:
            for tree in places_of(described["Config"].get("WorkingDir") or "/", static_root):
                try:
                    chunks, _ = client.api.get_archive(container, tree, CHUNK)
                except NotFound:
                    continue
                seen = _layer(stream_chunks(chunks), tree)
                return seen if seen and seen.diff_id == last else None
    except (DockerException, tarfile.TarError, OSError):
        pass
    return None


@contextmanager
def _container(client: DockerClient, image_id: str) -> Iterator[str]:
    """Yield the id of a container of *image_id* that is not started."""
    container = client.api.create_container(image_id, _COMMAND)["Id"]
    try:
        yield container
    finally:
        client.api.remove_container(container, v=True, force=True)


def _layer(stream: IO[bytes], tree: str) -> StaticLayer | None:
    """Return the layer of *stream*, the engine's archive of *tree*; None for what has no layer."""
    digest = hashlib.sha256()
    files = size = 0
    for parent in directories_above(PurePosixPath(posixpath.dirname(tree))):
        digest.update(header(parent))
    with tarfile.open(fileobj=stream, mode="r|", errors="surrogateescape") as archive:
        for member in archive:
            entry = _entry(member, tree)
            if entry is None:
                return None
            digest.update(header(entry))
            size += entry.size
            files += entry.kind != DIRECTORY
            if member.size and (content := archive.extractfile(member)):
                while morsel := content.read(CHUNK):
                    digest.update(morsel)
                digest.update(bytes(padding(member.size)))
    digest.update(END)
    return StaticLayer(tree, files, size, f"sha256:{digest.hexdigest()}", None)


def _entry(member: tarfile.TarInfo, tree: str) -> Entry | None:
    """Return what *member* of the archive of *tree* is in a layer; its name begins with tree's."""
    kind = _KINDS.get(member.type)
    if kind is None:
        return None
    name, link = (os.fsencode(_placed(text, tree)) for text in (member.name, member.linkname))
    return Entry(
        name + b"/" if kind == DIRECTORY else name,
        kind,
        member.mode & 0o7777,
        int(member.mtime // 1),
        member.size if kind == FILE else 0,
        link if kind == LINK else b"",
    )


def _placed(name: str, tree: str) -> str:
    """Return the path in the image of *name*, which is relative to the directory of *tree*."""
    return posixpath.join(posixpath.dirname(tree), name).strip("/")
