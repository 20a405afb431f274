"""The documents of an image: descriptors, manifests, indexes and configurations.

As github.com/opencontainers/image-spec has them (descriptor.md, manifest.md, image-index.md,
config.md), and Docker's image manifest version 2, schema 2, of the same shape. A field that is not
known here is kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from buildstatic.errors import ImageInvalid

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"

INDEXES = (INDEX, DOCKER_INDEX)
MANIFESTS = (MANIFEST, DOCKER_MANIFEST)
CONFIGS = (CONFIG, DOCKER_CONFIG)
# What an image of Docker's is called in OCI's words; the bytes of a layer are the same.
OCI_MEDIA_TYPES = {
    DOCKER_INDEX: INDEX,
    DOCKER_MANIFEST: MANIFEST,
    DOCKER_CONFIG: CONFIG,
    DOCKER_LAYER: LAYER,
    f"{DOCKER_LAYER}.gzip": f"{LAYER}+gzip",
    f"{DOCKER_LAYER}.zstd": f"{LAYER}+zstd",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip": (
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    ),
}
LAYERS = re.compile(
    r"application/vnd\.(?:"
    r"oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+gzip|\+zstd)?"
    r"|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar(?:\.gzip|\.zstd)?)"
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


@dataclass(frozen=True)
class Descriptor:
    """What names a blob: *media_type*, *digest*, *size* in bytes; *extra* has the other fields."""

    media_type: str
    digest: str
    size: int
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations, none where there are none."""
        return self.extra.get("annotations") or {}

    @property
    def platform(self) -> str:
        """The platform as ``os/architecture`` or ``os/architecture/variant``, else empty."""
        return platform_name(self.extra.get("platform") or {})

    def is_for(self, platform: str) -> bool:
        """Whether it is of *platform*: of any variant, where that has none."""
        return f"{self.platform}/".startswith(f"{platform}/")

    @property
    def is_foreign(self) -> bool:
        """Whether its bytes are fetched from elsewhere, and never pushed."""
        return ".nondistributable." in self.media_type or ".foreign." in self.media_type

    def to_json(self) -> dict[str, Any]:
        """Return the object that a manifest has for it."""
        named = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        return {**named, **self.extra}


@dataclass(frozen=True)
class Document:
    """A manifest, an index or a configuration: its *content* as bytes, and what names it."""

    descriptor: Descriptor
    content: bytes


@dataclass(frozen=True)
class Manifest:
    """The image of one platform; *extra* has the fields that are none of these."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def is_docker(self) -> bool:
        """Whether it is in Docker's words."""
        return self.media_type == DOCKER_MANIFEST

    def to_document(self) -> Document:
        """Return what a store keeps."""
        described = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "config": self.config.to_json(),
            "layers": [layer.to_json() for layer in self.layers],
        }
        return make_document(self.media_type, {**described, **self.extra})


@dataclass(frozen=True)
class Index:
    """The images of several platforms; *extra* has the fields that are none of these."""

    media_type: str
    manifests: tuple[Descriptor, ...]
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to_document(self) -> Document:
        """Return what a store keeps."""
        described = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "manifests": [manifest.to_json() for manifest in self.manifests],
        }
        return make_document(self.media_type, {**described, **self.extra})


@dataclass(frozen=True)
class Config:
    """An image's configuration: the *diff_ids* of its layers, its *history*, and all the rest."""

    diff_ids: tuple[str, ...]
    history: tuple[Mapping[str, Any], ...]
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def platform(self) -> str:
        """The platform as ``os/architecture`` or ``os/architecture/variant``."""
        return platform_name(self.extra)

    def to_document(self, media_type: str) -> Document:
        """Return what a store keeps, as *media_type*."""
        rootfs = {"type": "layers", "diff_ids": list(self.diff_ids)}
        return make_document(
            media_type, {**self.extra, "rootfs": rootfs, "history": list(self.history)}
        )


def digest_of(content: bytes) -> str:
    """Return the digest of *content*."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def blob_path(digest: str) -> str:
    """Return where *digest* is below an OCI layout (image-layout.md)."""
    return "blobs/" + digest.replace(":", "/")


def make_document(media_type: str, value: Mapping[str, Any]) -> Document:
    """Return *value* as a document of *media_type*: the same value, the same bytes."""
    content = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return Document(Descriptor(media_type, digest_of(content), len(content)), content)


def platform_name(platform: Mapping[str, Any]) -> str:
    """Return *platform* as ``os/architecture`` or ``os/architecture/variant``, else empty."""
    parts = [platform.get(key) for key in ("os", "architecture", "variant")]
    return "/".join(str(part) for part in parts if part)


def is_attestation(descriptor: Mapping[str, Any]) -> bool:
    """Tell whether the manifest that *descriptor* names says something of another one.

    BuildKit's attestations (docs/attestations/attestation-storage.md there).
    """
    annotations = descriptor.get("annotations") or {}
    platform = platform_name(descriptor.get("platform") or {})
    kind = "vnd.docker.reference.type"
    return annotations.get(kind) == "attestation-manifest" or platform == "unknown/unknown"


def may_be_image(entry: Descriptor) -> bool:
    """Tell an image of an index, or an index of images, from what says something of another one."""
    is_artifact = "artifactType" in entry.extra or is_attestation(entry.extra)
    return entry.media_type in (*INDEXES, *MANIFESTS) and not is_artifact


def images_in(index: Index, read: Callable[[Descriptor], Manifest | Index]) -> Iterator[Descriptor]:
    """Yield the images of *index*, and of the indexes in it, which *read* gives."""
    for each in filter(may_be_image, index.manifests):
        if each.media_type in MANIFESTS:
            yield each
        elif isinstance(inner := read(each), Index):
            yield from images_in(inner, read)


def parse_descriptor(value: object, where: str) -> Descriptor:
    """Return the descriptor in *value*; raises ImageInvalid, which says that it is *where*."""
    if not isinstance(value, dict):
        raise ImageInvalid(f"{where}: a descriptor is no object.")
    extra = {key: each for key, each in value.items() if key not in ("mediaType", "digest", "size")}
    media_type, digest, size = (value.get(key) for key in ("mediaType", "digest", "size"))
    if not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
        raise ImageInvalid(f"{where}: {digest!r} is no digest.")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ImageInvalid(f"{where}: {size!r} is no size of {digest}.")
    if not all(isinstance(extra.get(key) or {}, dict) for key in ("annotations", "platform")):
        raise ImageInvalid(f"{where}: the annotations or the platform of {digest} are no object.")
    return Descriptor(media_type if isinstance(media_type, str) else "", digest, size, extra)


def parse_json(content: bytes, where: str) -> dict[str, Any]:
    """Return the object in *content*; raises ImageInvalid."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ImageInvalid(f"{where} is no JSON: {error}.") from error
    if not isinstance(value, dict):
        raise ImageInvalid(f"{where} is no JSON object.")
    return value


def parse_manifest(found: Document, where: str) -> Manifest | Index:
    """Return the manifest or the index in *found*; *where* names it in what is raised.

    Raises ImageInvalid, ImageInvalid, or ImageInvalid where it is an artifact of another kind.
    """
    media_type = found.descriptor.media_type
    value = parse_json(found.content, where)
    extra = {key: each for key, each in value.items() if key not in _PARSED}
    if media_type in INDEXES:
        return Index(media_type, _descriptors(value, "manifests", where), extra)
    if media_type not in MANIFESTS:
        advice = (
            "It must be an OCI image or one of Docker's schema 2: push it anew by a newer tool."
        )
        raise ImageInvalid(f"{where} is of an unknown media type: {media_type}.", advice)
    config = parse_descriptor(value.get("config"), where)
    if config.media_type not in CONFIGS:
        raise ImageInvalid(f"{where} is no image: its configuration is {config.media_type}.")
    layers = _descriptors(value, "layers", where)
    for layer in layers:
        if not LAYERS.fullmatch(layer.media_type):
            problem = f"{where}: layer {layer.digest} is of an unknown media type: "
            raise ImageInvalid(f"{problem}{layer.media_type or 'none'}.")
    return Manifest(media_type, config, layers, extra)


_PARSED = ("schemaVersion", "mediaType", "config", "layers", "manifests")


def parse_config(found: Document, where: str) -> Config:
    """Return the configuration in *found*; raises ImageInvalid."""
    value = parse_json(found.content, where)
    rootfs = value.get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    history = value.get("history") or []
    if not isinstance(diff_ids, list) or not all(_is_digest(each) for each in diff_ids):
        raise ImageInvalid(f"{where} has no diffIDs.")
    if not isinstance(history, list) or not all(isinstance(each, dict) for each in history):
        raise ImageInvalid(f"{where}: the history is no list of objects.")
    extra = {key: each for key, each in value.items() if key not in ("rootfs", "history")}
    return Config(tuple(diff_ids), tuple(history), extra)


def to_oci(descriptor: Descriptor) -> Descriptor:
    """Return *descriptor* in OCI's words."""
    known = OCI_MEDIA_TYPES.get(descriptor.media_type, descriptor.media_type)
    return replace(descriptor, media_type=known)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _descriptors(value: Mapping[str, Any], key: str, where: str) -> tuple[Descriptor, ...]:
    found = value.get(key)
    if not isinstance(found, list):
        raise ImageInvalid(f"{where} has no list of {key}.")
    return tuple(parse_descriptor(each, where) for each in found)
