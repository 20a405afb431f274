"""Appends the static layer to an image of any store, without an engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from buildstatic.errors import ConfigInvalid, ImageNotFound, StaticLayerNotFound
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
    nesting,
    parse_manifest,
    to_oci,
)
from buildstatic.oci.earlier_releases import EarlierReleases
from buildstatic.oci.layer_reader import with_diff_id
from buildstatic.oci.layer_writer import WrittenLayer
from buildstatic.oci.reference import Reference
from buildstatic.oci.static_layer import (
    EARLIER,
    STATIC,
    WHITEOUTS,
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
    *earlier* are the diffIDs of the static layers of earlier releases in it, oldest first.
    """

    platform: str
    digest: str
    replaced: tuple[str, ...]
    kept: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()


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

    @property
    def earlier(self) -> tuple[str, ...]:
        """The diffIDs of the static layers of earlier releases, of all platforms."""
        return tuple(dict.fromkeys(diff_id for each in self.images for diff_id in each.earlier))


def append(
    base: Reference,
    tag: Reference,
    layer: WrittenLayer,
    layer_file: Path,
    *,
    insecure: bool = False,
    created: datetime | None = None,
    earlier: EarlierReleases | None = None,
) -> AppendResult:
    """Write the image *base* with *layer*, whose bytes are in *layer_file*, to *tag*.

    A static layer of *base* is replaced: the marked one, else one that holds only files below the
    layer's tree. Those of earlier releases are replaced by *earlier*. Every platform of an index
    gets the layer. *created* is the image's creation time, None for the base's own: the same base
    and layer then give the same digest. *insecure* allows registries without TLS.

    Raises ImageNotFound, ImageInvalid, and the errors of the stores; then *tag* is unchanged.
    """
    with (
        open_source(base, insecure=insecure) as source,
        open_target(tag, insecure=insecure) as target,
    ):
        return append_layer(source, target, layer, layer_file, created, earlier)


def append_layer(
    source: ImageSource,
    target: ImageTarget,
    layer: WrittenLayer,
    layer_file: Path,
    created: datetime | None = None,
    earlier: EarlierReleases | None = None,
) -> AppendResult:
    """Write the image of *source* with *layer* to *target*, as `append` does."""
    new = _NewLayer(layer, layer_file, created)
    return _write_image(_Appender(source, target, new, earlier))


def keep_earlier(
    image: Reference, diff_id: str, earlier: EarlierReleases, *, insecure: bool = False
) -> AppendResult:
    """Put the layers of *earlier* below the static layer *diff_id* of *image*, in its place.

    A platform without that layer has one that is recognized by its content. Raises
    StaticLayerNotFound, and the errors of `append`.
    """
    with (
        open_source(image, insecure=insecure) as source,
        open_target(image, insecure=insecure) as target,
    ):
        return _write_image(_Appender(source, target, diff_id, earlier))


def _write_image(appender: _Appender) -> AppendResult:
    source, target = appender.source, appender.target
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
class _NewLayer:
    """A static layer that no image has yet, in *file*, and its time of creation."""

    layer: WrittenLayer
    file: Path
    created: datetime | None

    def step(self, config: ImageConfig) -> ImageStep:
        """Return the layer with its entry in the history of an image with *config*."""
        layer, created = self.layer, config.extra.get("created")
        created = timestamp(self.created) if self.created else created
        entry = {"created": created} if created else {}
        descriptor = Descriptor(layer.media_type, layer.digest, layer.size)
        step = ImageStep({**entry, "created_by": _CREATED_BY}, descriptor, layer.diff_id)
        return step.marked(STATIC)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the file, and compare it with the digest."""
        descriptor = Descriptor(self.layer.media_type, self.layer.digest, self.layer.size)
        with self.file.open("rb") as stream:
            yield verified(stream, descriptor, str(self.file))


@dataclass
class _Appender:
    """Writes the image of *source* to *target* with *static*, or with its layer of that diffID."""

    source: ImageSource
    target: ImageTarget
    static: _NewLayer | str
    earlier: EarlierReleases | None = None
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

    def put(self, document: Document, above: frozenset[str] = frozenset()) -> Document:
        """Store the image or index *document* with the layer, all but the named manifest.

        *above* are the digests of the indexes that contain it.
        """
        parsed = parse_manifest(document, str(self.source.reference))
        if isinstance(parsed, Manifest):
            return self._put_image(parsed)
        manifests = tuple(self._put_entries(parsed, nesting(above, document.descriptor)))
        if not manifests:
            raise ImageNotFound(f"{self.source.reference} is an index without an image.")
        media_type = parsed.media_type
        if OCI_MEDIA_TYPES.get(media_type) == INDEXES[0] and any(
            manifest.media_type not in OCI_MEDIA_TYPES for manifest in manifests
        ):
            media_type = OCI_MEDIA_TYPES[media_type]
        return replace(parsed, media_type=media_type, manifests=manifests).to_document()

    def _put_entries(self, index: Index, above: frozenset[str]) -> Iterator[Descriptor]:
        written: dict[str, Document | None] = {}
        for entry in index.manifests:
            # Equal images or attestations of several platforms are written once.
            if entry.digest not in written:
                image = None if is_attestation(entry.extra) else read_image(self.source, entry)
                written[entry.digest] = document = self.put(image, above) if image else None
                if document:
                    self.target.put_manifest(document)
            document = written[entry.digest]
            if document is None:
                self.dropped.append(entry.digest)
                continue
            kept = {key: entry.extra[key] for key in _KEPT_FIELDS if key in entry.extra}
            yield replace(document.descriptor, extra=kept)

    def _put_image(self, manifest: Manifest) -> Document:
        config = read_config(self.source, manifest)
        steps = image_steps(manifest, config, str(self.source.reference))
        kept: tuple[str, ...] = ()
        if isinstance(self.static, _NewLayer):
            tree = self.static.layer.tree
            recognized = recognize_static_layers(self.source, manifest, config, tree)
            kept, static = recognized.kept, self.static.step(config)
            old = {config.diff_ids[index] for index in recognized.indexes}
            old |= {step.diff_id for step in steps if step.mark == STATIC}
        else:
            static = self._existing_layer(manifest, config, steps, self.static)
            old = {static.diff_id}
        earlier = self.earlier.below(static.diff_id) if self.earlier else ()
        added = [step for layer in earlier for step in (layer.static, layer.whiteouts)]
        image, new_config = put_layers(manifest, config, steps, old, [*added, static])
        if isinstance(self.static, _NewLayer) and self.static.created:
            created = {"created": timestamp(self.static.created)}
            new_config = replace(new_config, extra={**new_config.extra, **created})
        earlier_digests = {step.layer.digest for step in added if step.layer}
        self._put_layers(image, new_config.diff_ids, earlier_digests)
        described = new_config.to_document(image.config.media_type)
        self._put_blob(described.descriptor, lambda: open_bytes(described.content), None)
        document = replace(image, config=described.descriptor).to_document()
        replaced = tuple(step.diff_id for step in steps if step.diff_id in old)
        diff_ids = tuple(layer.static.diff_id for layer in earlier)
        digest = document.descriptor.digest
        self.images.append(AppendedImage(config.platform, digest, replaced, kept, diff_ids))
        return document

    def _existing_layer(
        self, manifest: Manifest, config: ImageConfig, steps: list[ImageStep], diff_id: str
    ) -> ImageStep:
        """Return the image's layer *diff_id*, else its only static layer."""
        found = {diff_id}
        if diff_id not in config.diff_ids and self.earlier:
            tree = self.earlier.tree
            recognized = recognize_static_layers(self.source, manifest, config, tree)
            found = {config.diff_ids[index] for index in recognized.indexes}
        layers = [step for step in steps if step.diff_id in found]
        if not layers:
            problem = f"{self.source.reference} has no static layer for {config.platform}."
            raise StaticLayerNotFound(problem, "Build each platform with the same static files.")
        return layers[-1].marked(STATIC)

    def _put_layers(
        self, image: Manifest, diff_ids: Sequence[str], earlier: Collection[str]
    ) -> None:
        """Store the layers of *image*; those with a digest in *earlier* are of earlier releases."""
        for layer, diff_id in zip(image.layers, diff_ids, strict=True):
            if isinstance(self.static, _NewLayer) and layer.digest == self.static.layer.digest:
                self._put_blob(layer, self.static.open, None)
            elif self.earlier and layer.digest in earlier:
                self._put_checked(layer, diff_id, self.earlier.open_blob, self.earlier.source)
            elif not layer.is_foreign:
                self._put_checked(layer, diff_id, self.source.open_blob, self.source)

    def _put_checked(
        self,
        layer: Descriptor,
        diff_id: str,
        open_blob: Callable[[Descriptor], AbstractContextManager[IO[bytes]]],
        source: ImageSource,
    ) -> None:
        """Store the existing *layer*; if it has to be copied, its diffID is checked."""

        @contextmanager
        def content() -> Iterator[IO[bytes]]:
            name = str(source.reference)
            with open_blob(layer) as stream:
                if layer.digest == diff_id:
                    yield stream
                    return
                with with_diff_id(stream, layer, diff_id, name) as checked:
                    yield checked

        self._put_blob(layer, content, source.reference)

    def _put_blob(self, blob: Descriptor, content: Opener, source: Reference | None) -> None:
        """Store *blob*; one of the image *source* may be mounted."""
        if self.target.has_blob(blob):
            self.counts["present"] += blob.size
        elif source and self.target.mount_blob(blob, source):
            self.counts["mounted"] += blob.size
        else:
            self.target.put_blob(blob, content)
            self.counts["sent"] += blob.size


def put_layers(
    manifest: Manifest,
    config: ImageConfig,
    steps: Sequence[ImageStep],
    old: Collection[str],
    new: Sequence[ImageStep],
) -> tuple[Manifest, ImageConfig]:
    """Return the image of *steps* with the marked layers *new* in place of the last layer in *old*.

    *old* are diffIDs. Without any of them, *new* is on top. The other ones in *old*, and layers of
    earlier releases, are removed. The manifest still has the descriptor of the previous
    configuration.
    """
    oci_types = {step.layer and to_oci(step.layer).media_type for step in new}
    if manifest.is_docker and oci_types - {*_DOCKER_MEDIA_TYPES}:
        # Docker's schema 2 has no zstd, and its media types must not be mixed with OCI's.
        media_type = OCI_MEDIA_TYPES[manifest.media_type]
        manifest = replace(manifest, media_type=media_type, config=to_oci(manifest.config))
        steps = [replace(step, layer=step.layer and to_oci(step.layer)) for step in steps]
    is_docker = manifest.is_docker
    positions = [n for n, step in enumerate(steps) if step.diff_id in old]
    position = positions[-1] if positions else len(steps)
    removed = {n for n, step in enumerate(steps) if step.mark in (EARLIER, WHITEOUTS)}
    removed |= {*positions}
    new_steps = [
        *(step for n, step in enumerate(steps[:position]) if n not in removed),
        *(replace(step, layer=step.layer and _typed(step.layer, is_docker)) for step in new),
        *(step for n, step in enumerate(steps[position:], position) if n not in removed),
    ]
    new_config = replace(
        config,
        diff_ids=tuple(step.diff_id for step in new_steps if step.layer),
        # A layer that the history does not mention gets an empty entry.
        history=tuple({} if step.entry is None else step.entry for step in new_steps),
    )
    layers = tuple(step.layer for step in new_steps if step.layer)
    return replace(manifest, layers=layers), new_config


def _typed(layer: Descriptor, is_docker: bool) -> Descriptor:
    """Return *layer* as a Docker or an OCI manifest refers to it; Docker's has no annotations."""
    layer = to_oci(layer)
    if not is_docker:
        return layer
    return Descriptor(_DOCKER_MEDIA_TYPES[layer.media_type], layer.digest, layer.size)


def timestamp(time: datetime) -> str:
    """Return *time* as the documents have it (RFC 3339)."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
