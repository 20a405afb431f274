"""Adds the static layer to an image's manifest and configuration.

The layer is marked twice, because a store may keep only one of them: the descriptor has an
annotation, which engines drop and Docker's own manifests cannot hold, and the history entry has a
comment, which every store keeps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
from buildstatic.oci.layer_writer import WrittenLayer

ANNOTATION = "io.buildstatic.layer"
STATIC = "static"
COMMENT = f"{ANNOTATION}={STATIC}"
CREATED_BY = "buildstatic layer"
_DOCKER_MEDIA_TYPES = {LAYER: DOCKER_LAYER, f"{LAYER}+gzip": f"{DOCKER_LAYER}.gzip"}
_REBUILD = "Build or pull the image again."


@dataclass(frozen=True)
class EditedImage:
    """An image with the static layer; *replaced* has the diffIDs of its earlier static layers."""

    manifest: Manifest
    config: Config
    replaced: tuple[str, ...]


@dataclass(frozen=True)
class _Step:
    """An entry of the history, and the layer that it describes, if any."""

    entry: Mapping[str, Any] | None
    layer: Descriptor | None = None
    diff_id: str = ""

    @property
    def is_marked(self) -> bool:
        comment = (self.entry or {}).get("comment")
        return self.layer is not None and (
            comment == COMMENT or self.layer.annotations.get(ANNOTATION) == STATIC
        )


def put_static_layer(
    manifest: Manifest,
    config: Config,
    layer: WrittenLayer,
    created: str | None,
    source: str,
    recognized: Collection[int] = (),
) -> EditedImage:
    """Return the image with *layer* in place of its static layer, or on top if it has none.

    Static layers are the marked ones and those with an index, counted from the base, in
    *recognized*. *created* is the time of the layer (RFC 3339), None for the image's own: the same
    image and layer then give the same bytes at any time. The manifest still has the descriptor of
    the previous configuration. Raises ImageInvalid, which names the image *source*.
    """
    if manifest.is_docker and layer.media_type not in _DOCKER_MEDIA_TYPES:
        # Docker's schema 2 has no zstd, and its media types must not be mixed with OCI's.
        manifest = replace(
            manifest,
            media_type=OCI_MEDIA_TYPES[manifest.media_type],
            config=to_oci(manifest.config),
            layers=tuple(map(to_oci, manifest.layers)),
        )
    steps = _steps(manifest, config, source)
    recognized_ids = {config.diff_ids[index] for index in recognized}
    old = [n for n, step in enumerate(steps) if step.is_marked or step.diff_id in recognized_ids]
    position = old[-1] if old else len(steps)
    created = created or config.extra.get("created")
    new_steps = [
        *(step for n, step in enumerate(steps[:position]) if n not in old),
        _static_step(manifest, layer, created),
        *steps[position + 1 :],
    ]
    new_config = replace(
        config,
        diff_ids=tuple(step.diff_id for step in new_steps if step.layer),
        # A layer that the history does not mention gets an empty entry.
        history=tuple({} if step.entry is None else step.entry for step in new_steps),
        extra={**config.extra, **({"created": created} if created else {})},
    )
    new_layers = tuple(step.layer for step in new_steps if step.layer)
    replaced = tuple(steps[n].diff_id for n in old if steps[n].diff_id)
    return EditedImage(replace(manifest, layers=new_layers), new_config, replaced)


def marked_layers(manifest: Manifest, config: Config, source: str) -> tuple[int, ...]:
    """Return the indexes, counted from the base, of the layers that are marked as static."""
    layers = [step for step in _steps(manifest, config, source) if step.layer]
    return tuple(index for index, step in enumerate(layers) if step.is_marked)


def layer_history(
    manifest: Manifest, config: Config, source: str
) -> tuple[Mapping[str, Any] | None, ...]:
    """Return the history entry of each layer, None for a layer without one."""
    return tuple(step.entry for step in _steps(manifest, config, source) if step.layer)


def _steps(manifest: Manifest, config: Config, source: str) -> list[_Step]:
    """Return the history with its layers (config.md: each entry has one unless it is empty)."""
    if len(manifest.layers) != len(config.diff_ids):
        counts = f"{len(manifest.layers)} layers and {len(config.diff_ids)} diffIDs"
        raise ImageInvalid(f"{source}: the image has {counts}.", _REBUILD)
    layers = iter(zip(manifest.layers, config.diff_ids, strict=True))
    steps = []
    for entry in config.history:
        if entry.get("empty_layer"):
            steps.append(_Step(entry))
            continue
        layer = next(layers, None)
        if layer is None:
            problem = f"{source}: the history has more entries than the image has layers."
            raise ImageInvalid(problem, _REBUILD)
        steps.append(_Step(entry, *layer))
    return [*steps, *(_Step(None, *layer) for layer in layers)]


def _static_step(manifest: Manifest, layer: WrittenLayer, created: str | None) -> _Step:
    media_type, more = layer.media_type, {"annotations": {ANNOTATION: STATIC}}
    if manifest.is_docker:
        media_type, more = _DOCKER_MEDIA_TYPES[layer.media_type], {}
    entry = {"created": created} if created else {}
    return _Step(
        {**entry, "created_by": CREATED_BY, "comment": COMMENT},
        Descriptor(media_type, layer.digest, layer.size, more),
        layer.diff_id,
    )
