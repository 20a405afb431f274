"""The static layers of earlier releases, which an image keeps below its own static layer.

Pages that are open in browsers during a deployment request the fingerprinted files of the release
that they came from. A kept layer stays the same blob. Its other files are deleted by a layer of
whiteouts directly above it. That depends on the kept layer only, so it is the same blob in each
image that keeps the layer, and the image's own static layer depends on neither.
"""

from __future__ import annotations

import json
import posixpath
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path, PurePosixPath
from typing import IO

from buildstatic.errors import (
    ImageInvalid,
    ImageNotFound,
    StaticLayerNotFound,
    StaticRootInvalid,
)
from buildstatic.oci.documents import Descriptor, ImageConfig, Manifest
from buildstatic.oci.layer_reader import FILES, LayerEntry, open_layer
from buildstatic.oci.layer_writer import MANIFEST, write_whiteouts
from buildstatic.oci.reference import Reference
from buildstatic.oci.reuse import SUFFIXES
from buildstatic.oci.static_layer import (
    EARLIER,
    WHITEOUTS,
    ImageStep,
    belongs,
    copied_layers,
    image_steps,
    marked_layers,
)
from buildstatic.oci.stores import open_source
from buildstatic.oci.stores.base import ImageSource, first_manifest, read_config

VITE_MANIFEST = "manifest.json"
# As in index-BRBmoGS9.js: eight characters or more, by Rollup or a configuration of it.
_FINGERPRINT = re.compile(r"[-.][\w-]{8,}\.\w+$")
MAX_MANIFEST_SIZE = 64 << 20  # bytes
_FIRST = "Omit --keep for the first release."
_BUILD = (
    "Keep an image whose static files are a layer of their own, with staticfiles.json: one of "
    "`buildstatic build` or `layer`, with a manifest storage."
)


@dataclass(frozen=True)
class EarlierLayer:
    """The static layer of an earlier release, and the *whiteouts* above it."""

    static: ImageStep
    whiteouts: ImageStep


@dataclass(frozen=True)
class EarlierReleases:
    """The static layers that an image can keep, oldest first, and their tree, an absolute path.

    At most *limit* of them are kept. They are in the image *source*, except for the whiteouts of
    the last one, which are in *whiteouts_file*.
    """

    source: ImageSource
    tree: str
    layers: tuple[EarlierLayer, ...]
    limit: int
    whiteouts_file: Path

    def below(self, diff_id: str) -> tuple[EarlierLayer, ...]:
        """Return the layers to keep below the static layer *diff_id*, which is none of them."""
        others = [layer for layer in self.layers if layer.static.diff_id != diff_id]
        return tuple(others[-self.limit :])

    @contextmanager
    def open_blob(self, descriptor: Descriptor) -> Iterator[IO[bytes]]:
        """Open the blob of a layer."""
        newest = self.layers[-1].whiteouts.layer
        if newest and newest.digest == descriptor.digest:
            with self.whiteouts_file.open("rb") as file:
                yield file
        else:
            with self.source.open_blob(descriptor) as stream:
                yield stream


@dataclass(frozen=True)
class ReleasedFiles:
    """The files of a static layer: those with *fingerprinted* names, variants included, and others.

    Both are paths in the image without a leading slash, as is *tree*.
    """

    tree: str
    fingerprinted: tuple[str, ...]
    others: tuple[str, ...]


@contextmanager
def open_earlier(
    image: Reference, tree: str | None, limit: int, *, insecure: bool = False
) -> Iterator[EarlierReleases]:
    """Yield the static layers that *image* has, which is open until the block ends.

    Those are its own and those of earlier releases that it keeps itself. *tree* is that of the new
    image, an absolute path, if it is known. Raises ImageNotFound, ImageInvalid,
    StaticLayerNotFound, StaticRootInvalid for another tree, and the errors of the stores.
    """
    with ExitStack() as stack:
        try:
            source = stack.enter_context(open_source(image, insecure=insecure))
            manifest = first_manifest(source)
        except ImageNotFound as error:
            raise ImageNotFound(error.problem, f"{_FIRST} {error.advice}".strip()) from error
        config = read_config(source, manifest)
        index, files = _find_static_layer(source, manifest, config)
        if tree is not None:
            check_same_tree(str(image), f"/{files.tree}", tree)
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="buildstatic-"))
        file = Path(directory, "whiteouts.tar.gz")
        with file.open("wb") as output:
            written = write_whiteouts(files.others, output)
        steps = [step for step in image_steps(manifest, config, str(image)) if step.layer]
        whiteouts = ImageStep(
            {"created_by": "buildstatic --keep"},
            Descriptor(written.media_type, written.digest, written.size),
            written.diff_id,
        )
        newest = EarlierLayer(steps[index].marked(EARLIER), whiteouts.marked(WHITEOUTS))
        kept = (
            EarlierLayer(lower, upper)
            for lower, upper in pairwise(steps[:index])
            if (lower.mark, upper.mark) == (EARLIER, WHITEOUTS)
        )
        yield EarlierReleases(source, f"/{files.tree}", (*kept, newest), limit, file)


def check_same_tree(image: str, earlier: str, tree: str) -> None:
    """Raise StaticRootInvalid unless *earlier*, the tree of *image*, is the *tree* of the new one.

    Both are absolute paths.
    """
    if earlier != tree:
        raise StaticRootInvalid(
            f"The static files of {image} are in {earlier}, those of the new image in {tree}.",
            "Omit --keep for this release, or restore STATIC_ROOT.",
        )


def read_release(stream: IO[bytes], source: str) -> ReleasedFiles:
    """Return the files of the static layer in *stream*; *source* names it in errors.

    Fingerprinted names are those in the manifest that are not the name itself, and those that Vite
    has made, which scripts of a page import later on. Raises StaticLayerNotFound if the layer has
    no manifest, or holds other files as well; ImageInvalid.
    """
    entries: list[LayerEntry] = []
    manifests: dict[str, bytes] = {}
    hashed: set[str] = set()
    with open_layer(stream, source) as layer:
        for entry in layer:
            entries.append(entry)
            directory, name = posixpath.split(entry.path)
            if name not in (MANIFEST, VITE_MANIFEST) or entry.kind != "file":
                continue
            if entry.size > MAX_MANIFEST_SIZE:
                raise ImageInvalid(f"{source}: {entry.path} has {entry.size} bytes.")
            content = b"".join(layer.chunks())
            if name == MANIFEST:
                manifests[directory] = content
            else:
                hashed |= {posixpath.join(directory, each) for each in _made_by_vite(content)}
    if not manifests:
        raise StaticLayerNotFound(f"{source} has no {MANIFEST}.", _BUILD)
    tree = min(manifests, key=len)
    root = PurePosixPath(tree)
    if other := next((entry for entry in entries if not belongs(entry, root)), None):
        raise StaticLayerNotFound(f"{source} has files other than {tree}: {other.path}.", _BUILD)
    try:
        paths = dict(json.loads(manifests[tree])["paths"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ImageInvalid(f"{source}: {tree}/{MANIFEST} is not a valid manifest.") from error
    hashed |= {f"{tree}/{value}" for name, value in paths.items() if value != name}
    files = dict.fromkeys(entry.path for entry in entries if entry.kind in FILES)
    suffixed = (posixpath.splitext(path) for path in files)
    hashed |= {name + suffix for name, suffix in suffixed if name in hashed and suffix in SUFFIXES}
    fingerprinted = tuple(path for path in files if path in hashed)
    return ReleasedFiles(tree, fingerprinted, tuple(path for path in files if path not in hashed))


def _made_by_vite(manifest: bytes) -> Iterator[str]:
    """Yield the fingerprinted names in a *manifest* of Vite, relative to its directory.

    None for another manifest.json (vite.dev/guide/backend-integration).
    """
    try:
        chunks = json.loads(manifest)
    except (ValueError, RecursionError):
        return
    for chunk in chunks.values() if isinstance(chunks, dict) else ():
        if isinstance(chunk, dict) and isinstance(chunk.get("file"), str):
            lists = (each for each in map(chunk.get, ("css", "assets")) if isinstance(each, list))
            names = map(str, (chunk["file"], *chain.from_iterable(lists)))
            yield from filter(_FINGERPRINT.search, names)


def _find_static_layer(
    source: ImageSource, manifest: Manifest, config: ImageConfig
) -> tuple[int, ReleasedFiles]:
    """Return the index of the image's static layer, and its files.

    That is the marked layer, else the last one that was copied to the root and has a manifest.
    """
    name = str(source.reference)
    marked = marked_layers(manifest, config, name)
    reason = StaticLayerNotFound(f"{name} has no static layer.", _BUILD)
    for index in marked[-1:] or reversed([*copied_layers(manifest, config, name)]):
        layer = manifest.layers[index]
        try:
            with source.open_blob(layer) as stream:
                return index, read_release(stream, f"{name}: the layer {layer.digest}")
        except StaticLayerNotFound as error:
            reason = error
    raise reason
