"""The marks of static layers, and the recognition of layers without a mark.

A layer that buildstatic adds to an image is marked twice, because a store may keep only one of the
marks: the descriptor has an annotation, which engines drop and Docker's own manifests cannot hold,
and the history entry has a comment, which every store keeps. The mark is STATIC for the image's
own static layer, EARLIER for that of an earlier release, and WHITEOUTS for the layer above it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from buildstatic.errors import ImageInvalid
from buildstatic.oci.documents import Descriptor, ImageConfig, Manifest
from buildstatic.oci.layer_reader import FILES, WHITEOUT, LayerEntry, read_layer
from buildstatic.oci.stores.base import ImageSource

ANNOTATION = "io.buildstatic.layer"
STATIC, EARLIER, WHITEOUTS = MARKS = ("static", "earlier", "whiteouts")
_REBUILD = "Build or pull the image again."
# The comment of entries that BuildKit's exporter adds (exporter/containerimage/writer.go).
_ADDED_BY_EXPORTER = "buildkit.exporter.image.v0"
# BuildKit's history omits the options; kaniko writes the line of the Dockerfile.
_COPY_TO_ROOT = re.compile(r".*\bCOPY\b.*\s/\s*(?:# buildkit)?\s*")


@dataclass(frozen=True)
class RecognizedLayers:
    """The *indexes*, counted from the base, of unmarked layers that hold static files only.

    *kept* has one sentence for each other layer with static files: why it is not one.
    """

    indexes: tuple[int, ...] = ()
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageStep:
    """An entry of the history, and the layer that it describes, if any."""

    entry: Mapping[str, Any] | None
    layer: Descriptor | None = None
    diff_id: str = ""

    @property
    def mark(self) -> str:
        """The mark of the layer, empty if it has none."""
        if self.layer is None:
            return ""
        comment = (self.entry or {}).get("comment")
        annotation = self.layer.annotations.get(ANNOTATION)
        marks = (m for m in MARKS if comment == f"{ANNOTATION}={m}" or annotation == m)
        return next(marks, "")

    def marked(self, mark: str) -> ImageStep:
        """Return the step with *mark* in place of any other."""
        assert self.layer is not None
        annotations = {**self.layer.annotations, ANNOTATION: mark}
        return replace(
            self,
            entry={**(self.entry or {}), "comment": f"{ANNOTATION}={mark}"},
            layer=replace(self.layer, extra={**self.layer.extra, "annotations": annotations}),
        )


def marked_layers(
    manifest: Manifest, config: ImageConfig, source: str, *marks: str
) -> tuple[int, ...]:
    """Return the indexes, counted from the base, of the layers with one of *marks*, or STATIC."""
    layers = [step for step in image_steps(manifest, config, source) if step.layer]
    return tuple(index for index, step in enumerate(layers) if step.mark in (marks or (STATIC,)))


def image_steps(manifest: Manifest, config: ImageConfig, source: str) -> list[ImageStep]:
    """Return the history with its layers (config.md: each entry has one unless it is empty)."""
    if len(manifest.layers) != len(config.diff_ids):
        counts = f"{len(manifest.layers)} layers and {len(config.diff_ids)} diffIDs"
        raise ImageInvalid(f"{source}: the image has {counts}.", _REBUILD)
    layers = iter(zip(manifest.layers, config.diff_ids, strict=True))
    steps = []
    for entry in config.history:
        if entry.get("empty_layer"):
            steps.append(ImageStep(entry))
            continue
        layer = next(layers, None)
        if layer is None:
            problem = f"{source}: the history has more entries than the image has layers."
            raise ImageInvalid(problem, _REBUILD)
        steps.append(ImageStep(entry, *layer))
    return [*steps, *(ImageStep(None, *layer) for layer in layers)]


def copied_layers(manifest: Manifest, config: ImageConfig, source: str) -> Iterator[int]:
    """Yield the indexes, in order, of layers without a mark that may have been copied to the root.

    BuildKit can lose entries of the history if two stages have the same base, and adds one at the
    end for each. So a copy may have any of as many layers after the one that it is listed with.
    """
    steps = [step for step in image_steps(manifest, config, source) if step.layer]
    lost = sum((step.entry or {}).get("comment") == _ADDED_BY_EXPORTER for step in steps)
    commands = [str((step.entry or {}).get("created_by") or "") for step in steps]
    copies = [index for index, each in enumerate(commands) if _COPY_TO_ROOT.fullmatch(each)]
    for index, step in enumerate(steps):
        may_be_copy = any(copy <= index <= copy + lost for copy in copies)
        if may_be_copy and not step.mark and not manifest.layers[index].is_foreign:
            yield index


def recognize_static_layers(
    source: ImageSource, manifest: Manifest, config: ImageConfig, tree: str
) -> RecognizedLayers:
    """Recognize static layers of *tree*, an absolute path, in an image without a marked layer.

    These are layers of ``COPY --link --from=static /layer/ /`` in a Dockerfile, so that only
    `copied_layers` are read. One is a static layer if it holds nothing but files below *tree* and
    the directories above them. Raises ImageInvalid.
    """
    name = str(source.reference)
    if not tree or marked_layers(manifest, config, name):
        return RecognizedLayers()
    indexes, kept = [], []
    root = PurePosixPath(tree.strip("/"))
    working_dir = (config.extra.get("config") or {}).get("WorkingDir") or "/"
    for index in copied_layers(manifest, config, name):
        layer = manifest.layers[index]
        with source.open_blob(layer) as stream:
            entries = read_layer(stream, f"{name}: {layer.digest}")
        if not any(entry.kind in FILES and _is_below(entry.path, root) for entry in entries):
            continue
        if PurePosixPath(working_dir.strip("/")).is_relative_to(root):
            reason = f"/{root} contains the working directory, which holds other files as well"
        else:
            others = (entry.path for entry in entries if not belongs(entry, root))
            other = next(others, None)
            reason = f"it also contains /{other}" if other is not None else ""
        if reason:
            kept.append(f"{config.diff_ids[index]}, which has static files: {reason}")
        else:
            indexes.append(index)
    return RecognizedLayers(tuple(indexes), tuple(kept))


def belongs(entry: LayerEntry, root: PurePosixPath) -> bool:
    """Return whether a static layer with the tree *root* may have *entry*."""
    if entry.kind == "dir" and root.is_relative_to(entry.path):
        return True
    name = posixpath.basename(entry.path)
    if not _is_below(entry.path, root) or name.startswith(WHITEOUT):
        return False
    return entry.kind in ("file", "dir") or (entry.kind == "link" and _is_below(entry.target, root))


def _is_below(path: str, root: PurePosixPath) -> bool:
    return path.startswith(f"{root}/") and ".." not in path.split("/")
