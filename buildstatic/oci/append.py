"""Appends the static layer to an image, from any store to any other, with no engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from buildstatic.errors import ConfigInvalid, ImageNotFound
from buildstatic.oci.compose import Composed, compose
from buildstatic.oci.documents import (
    CONFIGS,
    INDEXES,
    MANIFESTS,
    OCI_MEDIA_TYPES,
    Descriptor,
    Document,
    Index,
    Manifest,
    is_attestation,
    parse_json,
    parse_manifest,
)
from buildstatic.oci.layer import Layer
from buildstatic.oci.reference import Reference
from buildstatic.oci.store import open_source, open_target
from buildstatic.oci.stores.base import (
    Opener,
    Source,
    Target,
    available_images,
    has_entry,
    read_blob,
    read_config,
)
from buildstatic.oci.stream import open_bytes, verified
from buildstatic.oci.unmarked import find_unmarked


@dataclass(frozen=True)
class AppendedImage:
    """One platform's image: the digest of its manifest, and the diffIDs of what was replaced.

    *kept* says of layers that have static files in them why they were not, a sentence each.
    """

    platform: str
    digest: str
    replaced: tuple[str, ...]
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Appended:
    """What the name stands for now.

    *digest* and *media_type* are those of the manifest or the index; *dropped* are the manifests
    of the base's index that are no longer true of it (attestations), no images, or images that an
    engine has not. Of the blobs, *sent* counts the bytes that were moved, *present* those that were
    there, *mounted* those that the registry took from another repository of its own.
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
    layer: Layer,
    layer_file: Path,
    *,
    insecure: bool = False,
    created: datetime | None = None,
) -> Appended:
    """Write the image *base* with *layer*, whose bytes are in *layer_file*, to *tag*.

    A static layer that *base* has is replaced: one that is marked, else one that holds nothing but
    files below the layer's tree. An index is kept whole, and each platform gets the
    layer. The same base and layer give the same digest: *created* is the time that the image
    says, and without one it is the base's own. *insecure* allows registries without TLS. Raises
    ImageNotFound, ImageInvalid, ImageInvalid, ImageInvalid, and what the stores raise; then
    *tag* stands for what it did before.
    """
    with open_source(base, insecure=insecure) as source:
        found = source.resolve()
        with open_target(tag, insecure=insecure) as target:
            run = _Appending(source, target, layer, layer_file, created)
            return run.all(found)


def created_from(environ: Mapping[str, str]) -> datetime | None:
    """Return the time in SOURCE_DATE_EPOCH of *environ*; raises ConfigInvalid.

    reproducible-builds.org/specs/source-date-epoch
    """
    value = environ.get("SOURCE_DATE_EPOCH")
    if not value:
        return None
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (ValueError, OverflowError, OSError) as error:
        problem = f"SOURCE_DATE_EPOCH is {value!r}, which is no number of seconds."
        raise ConfigInvalid(
            problem, "Try: export SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)"
        ) from error


@dataclass
class _Appending:
    source: Source
    target: Target
    layer: Layer
    layer_file: Path
    created: datetime | None
    images: list[AppendedImage] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"sent": 0, "present": 0, "mounted": 0})

    def all(self, found: Document) -> Appended:
        document = self._document(self._chosen(found))
        self.target.put_image(document)
        named = document.descriptor
        return Appended(
            str(self.target.reference),
            named.digest,
            named.media_type,
            tuple(self.images),
            tuple(self.dropped),
            **self.counts,
        )

    def _chosen(self, found: Document) -> Document:
        """Return the image of the one platform that the target takes, where it takes but one."""
        wanted = self.target.platform
        parsed = self._parse(found)
        if wanted is None or isinstance(parsed, Manifest):
            return found
        images = tuple(available_images(self.source, parsed))
        for each in images:
            if each.is_for(wanted):
                return read_blob(self.source, each)
        there = ", ".join(filter(None, (each.platform for each in images)))
        problem = f"{self.source.reference} has no image for {wanted}."
        raise ImageNotFound(problem, f"It has: {there or 'none'}.")

    def _document(self, found: Document) -> Document:
        parsed = self._parse(found)
        return self._index(parsed) if isinstance(parsed, Index) else self._image(parsed)

    def _index(self, index: Index) -> Document:
        manifests = tuple(self._entries(index))
        if not manifests:
            raise ImageNotFound(f"{self.source.reference} is an index with no image in it.")
        changed = any(
            OCI_MEDIA_TYPES.get(index.media_type) == INDEXES[0] and _is_oci(m) for m in manifests
        )
        media_type = OCI_MEDIA_TYPES[index.media_type] if changed else index.media_type
        return replace(index, media_type=media_type, manifests=manifests).to_document()

    def _entries(self, index: Index) -> Iterator[Descriptor]:
        for each in index.manifests:
            if is_attestation(each.extra) or not self._has_image(each):
                self.dropped.append(each.digest)
                continue
            document = self._document(read_blob(self.source, each))
            self.target.put_manifest(document)
            kept = {key: each.extra[key] for key in _KEPT if key in each.extra}
            yield replace(document.descriptor, extra=kept)

    def _has_image(self, entry: Descriptor) -> bool:
        """Tell an image from a signature and other artifacts, and from what an engine has not."""
        if not has_entry(self.source, entry):
            return False
        if entry.media_type not in MANIFESTS:
            return entry.media_type in INDEXES
        value = parse_json(read_blob(self.source, entry).content, str(self.source.reference))
        config = value.get("config")
        return not isinstance(config, dict) or config.get("mediaType") in CONFIGS

    def _image(self, manifest: Manifest) -> Document:
        config = read_config(self.source, manifest)
        created = self.created.strftime("%Y-%m-%dT%H:%M:%SZ") if self.created else None
        found = find_unmarked(self.source, manifest, config, self.layer.tree)
        where = str(self.source.reference)
        made = compose(manifest, config, self.layer, created, where, found.layers)
        document = self._put(made)
        digest = document.descriptor.digest
        self.images.append(AppendedImage(config.platform, digest, made.replaced, found.kept))
        return document

    def _put(self, made: Composed) -> Document:
        for layer in made.manifest.layers:
            if layer.digest == self.layer.digest:
                self._put_blob(layer, self._open_layer, can_mount=False)
            elif not layer.is_foreign:
                self._put_blob(layer, lambda layer=layer: self.source.open_blob(layer))  # type: ignore[misc]
        config = made.config.to_document(made.manifest.config.media_type)
        self._put_blob(config.descriptor, lambda: open_bytes(config.content), can_mount=False)
        return replace(made.manifest, config=config.descriptor).to_document()

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
        named = Descriptor(self.layer.media_type, self.layer.digest, self.layer.size)
        with self.layer_file.open("rb") as stream:
            yield verified(stream, named, str(self.layer_file))

    def _parse(self, found: Document) -> Manifest | Index:
        return parse_manifest(found, str(self.source.reference))


# Of an entry of an index: what is still true of the image with the layer.
_KEPT = ("platform", "annotations")


def _is_oci(manifest: Descriptor) -> bool:
    return manifest.media_type not in OCI_MEDIA_TYPES
