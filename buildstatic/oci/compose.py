"""Puts the static layer on an image: its manifest and its configuration, as values.

The layer is marked in two ways, since a store may keep one of them alone: the descriptor has an
annotation, which an engine forgets and Docker's own manifests have no room for, and the entry of
the history has a comment, which everyone keeps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from buildstatic.errors import ImageInvalid
from buildstatic.oci.documents import (
    DOCKER_LAYER,
    LAYER,
    OCI_MEDIA_TYPES,
    Config,
    Descriptor,
    Manifest,
    to_oci,
)
from buildstatic.oci.layer import Layer

ANNOTATION = "io.buildstatic.layer"
STATIC = "static"
COMMENT = f"{ANNOTATION}={STATIC}"
CREATED_BY = "buildstatic layer"
_AS_DOCKER = {LAYER: DOCKER_LAYER, f"{LAYER}+gzip": f"{DOCKER_LAYER}.gzip"}


@dataclass(frozen=True)
class Composed:
    """An image with the layer: *replaced* has the diffIDs of the static layers that it had."""

    manifest: Manifest
    config: Config
    replaced: tuple[str, ...]


def compose(
    manifest: Manifest,
    config: Config,
    layer: Layer,
    created: str | None,
    where: str,
    unmarked: Collection[int] = (),
) -> Composed:
    """Return the image with *layer* where its static layer was, else on top.

    Static layers are those that are marked, and *unmarked*, counted from the base.
    *created* is the time of the layer (RFC 3339), None for the image's own: the same image and
    the same layer give the same bytes on another day. The manifest's description of the
    configuration is that of the image before. Raises ImageInvalid, which names the image *where*.
    """
    words = manifest if _fits_docker(manifest, layer) else _in_oci_words(manifest)
    steps = _steps(words, config, where)
    known = {config.diff_ids[index] for index in unmarked}
    old = [n for n, step in enumerate(steps) if step.is_static or step.diff_id in known]
    now = created or config.extra.get("created")
    place = old[-1] if old else len(steps)
    before = [step for n, step in enumerate(steps[:place]) if n not in old]
    all_steps = [*before, _step(layer, words, now), *steps[place + 1 :]]
    image = replace(config, extra={**config.extra, **({"created": now} if now else {})})
    replaced = tuple(steps[index].diff_id for index in old if steps[index].diff_id)
    return Composed(*_joined(words, image, all_steps), replaced)


def static_layers(manifest: Manifest, config: Config, where: str) -> tuple[int, ...]:
    """Return which layers of the image, counted from the base, are static layers by their mark."""
    layers = [step for step in _steps(manifest, config, where) if step.layer]
    return tuple(index for index, step in enumerate(layers) if step.is_static)


def with_history(
    manifest: Manifest, config: Config, where: str
) -> tuple[Mapping[str, Any] | None, ...]:
    """Return the entry of the history of each layer, None for one of which it says nothing."""
    return tuple(step.entry for step in _steps(manifest, config, where) if step.layer)


@dataclass(frozen=True)
class _Step:
    """An entry of the history, with its layer unless it has none."""

    entry: Mapping[str, Any] | None
    layer: Descriptor | None = None
    diff_id: str = ""

    @property
    def is_static(self) -> bool:
        marks = (self.entry or {}).get("comment"), (self.layer and self.layer.annotations) or {}
        return self.layer is not None and (
            marks[0] == COMMENT or marks[1].get(ANNOTATION) == STATIC
        )


def _steps(manifest: Manifest, config: Config, where: str) -> list[_Step]:
    """Return history and layers side by side (config.md: each entry has one, or is empty)."""
    if len(manifest.layers) != len(config.diff_ids):
        counts = f"{len(manifest.layers)} layers and {len(config.diff_ids)} diffIDs"
        raise ImageInvalid(f"{where}: the image has {counts}.", "Make or fetch the image anew.")
    pairs = iter(zip(manifest.layers, config.diff_ids, strict=True))
    steps = [_with_layer(entry, pairs, where) for entry in config.history]
    return [*steps, *(_Step(None, layer, diff_id) for layer, diff_id in pairs)]


def _with_layer(
    entry: Mapping[str, Any], pairs: Iterator[tuple[Descriptor, str]], where: str
) -> _Step:
    if entry.get("empty_layer"):
        return _Step(entry)
    found = next(pairs, None)
    if found is None:
        problem = f"{where}: the history has more entries than the image has layers."
        raise ImageInvalid(problem, "Make or fetch the image anew.")
    return _Step(entry, *found)


def _step(layer: Layer, manifest: Manifest, created: str | None) -> _Step:
    media_type, more = layer.media_type, {"annotations": {ANNOTATION: STATIC}}
    if manifest.is_docker:
        media_type, more = _AS_DOCKER[layer.media_type], {}
    entry = {"created": created} if created else {}
    return _Step(
        {**entry, "created_by": CREATED_BY, "comment": COMMENT},
        Descriptor(media_type, layer.digest, layer.size, more),
        layer.diff_id,
    )


def _joined(manifest: Manifest, config: Config, steps: Sequence[_Step]) -> tuple[Manifest, Config]:
    """Return the image of *steps*; a layer that no entry was about gets an empty one."""
    layers = tuple(step.layer for step in steps if step.layer)
    diff_ids = tuple(step.diff_id for step in steps if step.layer)
    history = tuple({} if step.entry is None else step.entry for step in steps)
    joined = replace(config, diff_ids=diff_ids, history=history)
    return replace(manifest, layers=layers), joined


def _fits_docker(manifest: Manifest, layer: Layer) -> bool:
    return not manifest.is_docker or layer.media_type in _AS_DOCKER


def _in_oci_words(manifest: Manifest) -> Manifest:
    """Docker's schema 2 has no zstd, and its words and OCI's do not go together."""
    return replace(
        manifest,
        media_type=OCI_MEDIA_TYPES[manifest.media_type],
        config=to_oci(manifest.config),
        layers=tuple(map(to_oci, manifest.layers)),
    )
