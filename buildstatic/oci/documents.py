"""The JSON documents of an image: descriptors, manifests, indexes and configurations.

They follow https://github.com/opencontainers/image-spec (descriptor.md, manifest.md,
image-index.md, config.md) or Docker's image manifest version 2, schema 2. Unknown fields are kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

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
# The OCI media types of Docker's; the content of a layer is the same.
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
# More than any real image has; an image with several of these would be a way to fill memory.
MAX_ENTRIES = 1000  # of an index, or layers of an image (engines refuse more than 127)
MAX_NESTING = 4  # indexes within indexes
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


@dataclass(frozen=True)
class Descriptor:
    """Refers to a blob of *size* bytes; *extra* has all other fields, such as annotations."""

    media_type: str
    digest: str
    size: int
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations."""
        entries = (self.extra.get("annotations") or {}).items()
        return {key: value for key, value in entries if isinstance(value, str)}

    @property
    def platform(self) -> str:
        """The platform as ``os/architecture`` or ``os/architecture/variant``, empty if unknown."""
        return platform_name(self.extra.get("platform") or {})

    def is_for(self, platform: str) -> bool:
        """Return whether it is for *platform*; one without a variant matches all variants."""
        return f"{self.platform}/".startswith(f"{platform}/")

    @property
    def is_foreign(self) -> bool:
        """Whether the blob is a layer that is downloaded from other URLs and never pushed."""
        return ".nondistributable." in self.media_type or ".foreign." in self.media_type

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that refers to the blob."""
        known = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        return {**known, **self.extra}


@dataclass(frozen=True)
class Document:
    """A manifest, index or configuration: its *content* and the descriptor that refers to it."""

    descriptor: Descriptor
    content: bytes


@dataclass(frozen=True)
class Manifest:
    """The image of one platform; *extra* has all other fields."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def is_docker(self) -> bool:
        """Whether it has Docker's media types instead of OCI's."""
        return self.media_type == DOCKER_MANIFEST

    def to_document(self) -> Document:
        """Return the JSON document."""
        value = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "config": self.config.to_json(),
            "layers": [layer.to_json() for layer in self.layers],
        }
        return make_document(self.media_type, {**value, **self.extra})


@dataclass(frozen=True)
class Index:
    """The images of several platforms; *extra* has all other fields."""

    media_type: str
    manifests: tuple[Descriptor, ...]
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to_document(self) -> Document:
        """Return the JSON document."""
        value = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "manifests": [manifest.to_json() for manifest in self.manifests],
        }
        return make_document(self.media_type, {**value, **self.extra})


@dataclass(frozen=True)
class ImageConfig:
    """An image configuration: the *diff_ids* of the layers, the *history*; *extra* has the rest."""

    diff_ids: tuple[str, ...]
    history: tuple[Mapping[str, Any], ...]
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def platform(self) -> str:
        """The platform as ``os/architecture`` or ``os/architecture/variant``."""
        return platform_name(self.extra)

    def to_document(self, media_type: str) -> Document:
        """Return the JSON document of *media_type*."""
        rootfs = {"type": "layers", "diff_ids": list(self.diff_ids)}
        history = list(self.history)
        return make_document(media_type, {**self.extra, "rootfs": rootfs, "history": history})


def digest_of(content: bytes) -> str:
    """Return the sha256 digest of *content*."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def blob_path(digest: str) -> str:
    """Return the path of a blob in an OCI layout (image-layout.md)."""
    return "blobs/" + digest.replace(":", "/")


def make_document(media_type: str, value: Mapping[str, Any]) -> Document:
    """Return *value* as a document of *media_type*; equal values give equal bytes."""
    content = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return Document(Descriptor(media_type, digest_of(content), len(content)), content)


def platform_name(platform: Mapping[str, Any]) -> str:
    """Return *platform* as ``os/architecture`` or ``os/architecture/variant``, else empty."""
    parts = [platform.get(key) for key in ("os", "architecture", "variant")]
    return "/".join(str(part) for part in parts if part)


def to_oci(descriptor: Descriptor) -> Descriptor:
    """Return *descriptor* with the OCI media type."""
    media_type = OCI_MEDIA_TYPES.get(descriptor.media_type, descriptor.media_type)
    return replace(descriptor, media_type=media_type)


def is_attestation(entry: Mapping[str, Any]) -> bool:
    """Return whether the *entry* of an index is an attestation of BuildKit.

    https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
    """
    annotations = entry.get("annotations") or {}
    platform = platform_name(entry.get("platform") or {})
    reference_type = annotations.get("vnd.docker.reference.type")
    return reference_type == "attestation-manifest" or platform == "unknown/unknown"


def may_be_image(entry: Descriptor) -> bool:
    """Return whether the *entry* of an index is an image or an index, not another artifact."""
    is_artifact = "artifactType" in entry.extra or is_attestation(entry.extra)
    return entry.media_type in (*INDEXES, *MANIFESTS) and not is_artifact


def images_in(
    index: Index,
    read: Callable[[Descriptor], Manifest | Index | None],
    visited: frozenset[str] = frozenset(),
) -> Iterator[Descriptor]:
    """Yield the images of *index* and of its nested indexes, which *read* returns.

    An index that is listed several times is read once. Raises ImageInvalid for deep nesting.
    """
    seen = set(visited)
    for entry in filter(may_be_image, index.manifests):
        if entry.digest in seen:
            continue
        seen.add(entry.digest)
        if entry.media_type in MANIFESTS:
            yield entry
        elif isinstance(nested := read(entry), Index):
            yield from images_in(nested, read, nesting(visited, entry))


def nesting(above: frozenset[str], index: Descriptor) -> frozenset[str]:
    """Return the digests of the indexes *above* with that of *index*, which they contain.

    Raises ImageInvalid if it contains itself, or if there are too many.
    """
    if index.digest in above or len(above) >= MAX_NESTING:
        raise ImageInvalid(f"The index {index.digest} is nested more than {MAX_NESTING} times.")
    return above | {index.digest}


def parse_json(content: bytes, where: str) -> dict[str, Any]:
    """Return the JSON object in *content*; raises ImageInvalid, which names *where*."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ImageInvalid(f"{where} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise ImageInvalid(f"{where} is not a JSON object.")
    return value


def parse_descriptor(value: object, where: str) -> Descriptor:
    """Return the descriptor in *value*; raises ImageInvalid, which names *where*."""
    if not isinstance(value, dict):
        raise ImageInvalid(f"{where}: a descriptor is not an object.")
    extra = {key: value[key] for key in value if key not in ("mediaType", "digest", "size")}
    media_type, digest, size = (value.get(key) for key in ("mediaType", "digest", "size"))
    if not _is_digest(digest):
        raise ImageInvalid(f"{where}: {digest!r} is not a valid digest.")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ImageInvalid(f"{where}: {size!r} is not a valid size of {digest}.")
    for key in ("annotations", "platform"):
        if not isinstance(extra.get(key) or {}, dict):
            raise ImageInvalid(f"{where}: {key} of {digest} is not an object.")
    return Descriptor(media_type if isinstance(media_type, str) else "", digest, size, extra)


def parse_manifest(document: Document, where: str) -> Manifest | Index:
    """Return the manifest or index in *document*.

    Raises ImageInvalid, which names *where*, if it is invalid or is not of an image.
    """
    media_type = document.descriptor.media_type
    value = parse_json(document.content, where)
    known = ("schemaVersion", "mediaType", "config", "layers", "manifests")
    extra = {key: value[key] for key in value if key not in known}
    if media_type in INDEXES:
        return Index(media_type, _parse_descriptors(value, "manifests", where), extra)
    if media_type not in MANIFESTS:
        advice = "Use an OCI image or Docker's schema 2: push the image with a newer tool."
        raise ImageInvalid(f"{where} has an unknown media type: {media_type}.", advice)
    config = parse_descriptor(value.get("config"), where)
    if config.media_type not in CONFIGS:
        problem = f"{where} is not an image: its configuration is {config.media_type or 'unknown'}."
        raise ImageInvalid(problem)
    layers = _parse_descriptors(value, "layers", where)
    for layer in layers:
        if not LAYERS.fullmatch(layer.media_type):
            problem = f"{where}: layer {layer.digest} has an unknown media type"
            raise ImageInvalid(f"{problem}: {layer.media_type or 'none'}.")
    return Manifest(media_type, config, layers, extra)


def parse_config(document: Document, where: str) -> ImageConfig:
    """Return the configuration in *document*; raises ImageInvalid, which names *where*."""
    value = parse_json(document.content, where)
    rootfs = value.get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    history = value.get("history") or []
    if not isinstance(diff_ids, list) or not all(map(_is_digest, diff_ids)):
        raise ImageInvalid(f"{where} has no valid diffIDs.")
    if not isinstance(history, list) or not all(isinstance(entry, dict) for entry in history):
        raise ImageInvalid(f"{where}: history is not a list of objects.")
    extra = {key: value[key] for key in value if key not in ("rootfs", "history")}
    runtime = value.get("config") or {}
    directory = (runtime.get("WorkingDir") or "") if isinstance(runtime, dict) else None
    if not isinstance(directory, str) or "\0" in directory:
        raise ImageInvalid(f"{where}: config has no valid WorkingDir.")
    variables = runtime.get("Env") or []
    if not isinstance(variables, list) or not all(isinstance(each, str) for each in variables):
        raise ImageInvalid(f"{where}: config has no valid Env.")
    return ImageConfig(tuple(diff_ids), tuple(history), extra)


def _parse_descriptors(value: Mapping[str, Any], key: str, where: str) -> tuple[Descriptor, ...]:
    found = value.get(key)
    if not isinstance(found, list):
        raise ImageInvalid(f"{where}: {key} is not a list.")
    if len(found) > MAX_ENTRIES:
        raise ImageInvalid(f"{where}: {key} has {len(found)} entries, more than {MAX_ENTRIES}.")
    return tuple(parse_descriptor(each, where) for each in found)


def _is_digest(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None
