"""Appends the static layer to an image of any store, without an engine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from buildstatic.errors import ConfigInvalid, ImageNotFound
from buildstatic.oci.documents import (
    DOCKER_LAYER,
    INDEXES,
    LAYER,
    OCI_MEDIA_TYPES,
    Descriptor,
    Document,
    ImageConfig,
    Index,
    Manifest,
    is_attestation,
    parse_manifest,
    to_oci,
)
from buildstatic.oci.layer_writer import WrittenLayer
from buildstatic.oci.reference import Reference
from buildstatic.oci.static_layer import (
    ANNOTATION,
    COMMENT,
    STATIC,
    ImageStep,
    image_steps,
    recognize_static_layers,
)
from buildstatic.oci.stores import open_source, open_target
from buildstatic.oci.stores.base import (
    ImageSource,
    ImageTarget,
    Opener,
    available_images,
    read_blob,
    read_config,
    read_image,
)
from buildstatic.oci.stream import open_bytes, verified

# The fields of an index entry that are still correct for the image with the layer
_KEPT_FIELDS = ("platform", "annotations")
_CREATED_BY = "buildstatic layer"
_DOCKER_MEDIA_TYPES = {LAYER: DOCKER_LAYER, f"{LAYER}+gzip": f"{DOCKER_LAYER}.gzip"}


@dataclass(frozen=True)
class AppendedImage:
    """The image of one platform: its manifest's digest, and the diffIDs of the layers replaced.

    *kept* has one sentence for each layer with static files that could not be replaced: why.
    """

    platform: str
    digest: str
    replaced: tuple[str, ...]
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class AppendResult:
    """What was written to *reference*.

    *digest* and *media_type* are those of the manifest or index. *dropped* has the digests of the
    entries of the base's index that were left out: attestations, which describe the base only,
    artifacts, and images that the engine does not have. *sent*, *present* and *mounted* count the
    bytes of blobs that were uploaded, were there already, and were mounted from another repository
    of the registry.
    """

    reference: str
    digest: str
    media_type: str
    images: tuple[AppendedImage, ...]
    dropped: tuple[str, ...]
    sent: int
    present: int
    mounted: int


def append(
    base: Reference,
    tag: Reference,
    layer: WrittenLayer,
    layer_file: Path,
    *,
    insecure: bool = False,
    created: datetime | None = None,
) -> AppendResult:
    """Write the image *base* with *layer*, whose bytes are in *layer_file*, to *tag*.

    A static layer of *base* is replaced: the marked one, else one that holds only files below the
    layer's tree. Every platform of an index gets the layer. *created* is the image's creation time,
    None for the base's own: the same base and layer then give the same digest. *insecure* allows
    registries without TLS.

    Raises ImageNotFound, ImageInvalid, and the errors of the stores; then *tag* is unchanged.
    """
    with (
        open_source(base, insecure=insecure) as source,
        open_target(tag, insecure=insecure) as target,
    ):
        return append_layer(source, target, layer, layer_file, created)


def append_layer(
    source: ImageSource,
    target: ImageTarget,
    layer: WrittenLayer,
    layer_file: Path,
    created: datetime | None = None,
) -> AppendResult:
    """Write the image of *source* with *layer* to *target*, as `append` does."""
    appender = _Appender(source, target, layer, layer_file, created)
    document = appender.put(appender.select_platform(source.resolve()))
    target.put_image(document)
    return AppendResult(
        str(target.reference),
        document.descriptor.digest,
        document.descriptor.media_type,
        tuple(appender.images),
        tuple(appender.dropped),
        **appender.counts,
    )


def source_date_epoch(environ: Mapping[str, str]) -> datetime | None:
    """Return the time in SOURCE_DATE_EPOCH of *environ*, None if it is not set.

    Raises ConfigInvalid. See reproducible-builds.org/specs/source-date-epoch.
    """
    value = environ.get("SOURCE_DATE_EPOCH")
    if not value:
        return None
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (ValueError, OverflowError, OSError) as error:
        problem = f"SOURCE_DATE_EPOCH is {value!r}, which is not a number of seconds."
        raise ConfigInvalid(
            problem, "Try: export SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)"
        ) from error


@dataclass(frozen=True)
class EditedImage:
    """An image with the static layer; *replaced* has the diffIDs of its earlier static layers."""

    manifest: Manifest
    config: ImageConfig
    replaced: tuple[str, ...]


@dataclass
class _Appender:
    source: ImageSource
    target: ImageTarget
    layer: WrittenLayer
    layer_file: Path
    created: datetime | None
    images: list[AppendedImage] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"sent": 0, "present": 0, "mounted": 0})

    def select_platform(self, document: Document) -> Document:
        """Return the image of the platform that the target accepts, if it accepts only one."""
        platform = self.target.platform
        parsed = parse_manifest(document, str(self.source.reference))
        if platform is None or isinstance(parsed, Manifest):
            return document
        images = tuple(available_images(self.source, parsed))
        for image in images:
            if image.is_for(platform):
                return read_blob(self.source, image)
        available = ", ".join(filter(None, (image.platform for image in images)))
        problem = f"{self.source.reference} has no image for {platform}."
        raise ImageNotFound(problem, f"It has: {available or 'none'}.")

    def put(self, document: Document) -> Document:
        """Store the image or index *document* with the layer, all but the named manifest."""
        parsed = parse_manifest(document, str(self.source.reference))
        if isinstance(parsed, Manifest):
            return self._put_image(parsed)
        manifests = tuple(self._put_entries(parsed))
        if not manifests:
            raise ImageNotFound(f"{self.source.reference} is an index without an image.")
        media_type = parsed.media_type
        if OCI_MEDIA_TYPES.get(media_type) == INDEXES[0] and any(
            manifest.media_type not in OCI_MEDIA_TYPES for manifest in manifests
        ):
            media_type = OCI_MEDIA_TYPES[media_type]
        return replace(parsed, media_type=media_type, manifests=manifests).to_document()

    def _put_entries(self, index: Index) -> Iterator[Descriptor]:
        for entry in index.manifests:
            image = None if is_attestation(entry.extra) else read_image(self.source, entry)
            if image is None:
                self.dropped.append(entry.digest)
                continue
            document = self.put(image)
            self.target.put_manifest(document)
            kept = {key: entry.extra[key] for key in _KEPT_FIELDS if key in entry.extra}
            yield replace(document.descriptor, extra=kept)

    def _put_image(self, manifest: Manifest) -> Document:
        config = read_config(self.source, manifest)
        created = self.created.strftime("%Y-%m-%dT%H:%M:%SZ") if self.created else None
        recognized = recognize_static_layers(self.source, manifest, config, self.layer.tree)
        source = str(self.source.reference)
        edited = put_static_layer(manifest, config, self.layer, created, source, recognized.indexes)
        for layer in edited.manifest.layers:
            if layer.digest == self.layer.digest:
                self._put_blob(layer, self._open_layer, can_mount=False)
            elif not layer.is_foreign:
                self._put_blob(layer, lambda layer=layer: self.source.open_blob(layer))  # type: ignore[misc]
        new_config = edited.config.to_document(edited.manifest.config.media_type)
        self._put_blob(
            new_config.descriptor, lambda: open_bytes(new_config.content), can_mount=False
        )
        document = replace(edited.manifest, config=new_config.descriptor).to_document()
        digest = document.descriptor.digest
        self.images.append(AppendedImage(config.platform, digest, edited.replaced, recognized.kept))
        return document

    def _put_blob(self, blob: Descriptor, content: Opener, *, can_mount: bool = True) -> None:
        if self.target.has_blob(blob):
            self.counts["present"] += blob.size
        elif can_mount and self.target.mount_blob(blob, self.source.reference):
            self.counts["mounted"] += blob.size
        else:
            self.target.put_blob(blob, content)
            self.counts["sent"] += blob.size

    @contextmanager
    def _open_layer(self) -> Iterator[IO[bytes]]:
        descriptor = Descriptor(self.layer.media_type, self.layer.digest, self.layer.size)
        with self.layer_file.open("rb") as stream:
            yield verified(stream, descriptor, str(self.layer_file))


def put_static_layer(
    manifest: Manifest,
    config: ImageConfig,
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
    steps = image_steps(manifest, config, source)
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


def _static_step(manifest: Manifest, layer: WrittenLayer, created: str | None) -> ImageStep:
    media_type, more = layer.media_type, {"annotations": {ANNOTATION: STATIC}}
    if manifest.is_docker:
        media_type, more = _DOCKER_MEDIA_TYPES[layer.media_type], {}
    entry = {"created": created} if created else {}
    return ImageStep(
        {**entry, "created_by": _CREATED_BY, "comment": COMMENT},
        Descriptor(media_type, layer.digest, layer.size, more),
        layer.diff_id,
    )
