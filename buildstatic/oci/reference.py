"""Image references: their syntax, and the store that each refers to."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from buildstatic.errors import ImageReferenceInvalid

# github.com/distribution/reference, regexp.go
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG = r"[\w][\w.-]{0,127}"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_NAME = re.compile(
    rf"(?:(?P<registry>{_HOST})/)?(?P<repository>{_COMPONENT}(?:/{_COMPONENT})*)"
    rf"(?::(?P<tag>{_TAG}))?(?:@(?P<digest>sha256:[0-9a-f]{{64}}))?",
    re.ASCII,
)
_ID = re.compile(r"(?:sha256:)?[0-9a-f]{12,64}")
_PREFIXES = ("oci", "oci-archive", "docker-archive", "docker")
_PATH = re.compile(r"[/.~].*|.*/|[^:]*\.(?:tar(?:\.(?:gz|bz2|xz|zst))?|t[bgx]z|tzst)", re.S)
LATEST = "latest"
DOCKER_HUB = "docker.io"
SYNTAX = (
    "Use oci:DIR, oci:DIR:TAG, docker-archive:FILE, docker-archive:FILE:NAME:TAG, docker:NAME "
    "(local engine) or a name in a registry, such as registry.example.com/name:tag."
)


@dataclass(frozen=True)
class LayoutReference:
    """An image in the OCI layout *directory*; *tag* is None for its only image."""

    directory: Path
    tag: str | None = None

    def __str__(self) -> str:
        return f"oci:{self.directory}" + (f":{self.tag}" if self.tag else "")


@dataclass(frozen=True)
class ArchiveReference:
    """An image in *file*, written by ``docker save`` or BuildKit; *name* None: its only image."""

    file: Path
    name: str | None = None

    def __str__(self) -> str:
        return f"docker-archive:{self.file}" + (f":{self.name}" if self.name else "")


@dataclass(frozen=True)
class EngineReference:
    """An image in the local engine: a name with a tag, or an ID."""

    name: str

    def __str__(self) -> str:
        return f"docker:{self.name}"


@dataclass(frozen=True)
class RegistryReference:
    """An image in a *registry* (host and port); *digest* takes precedence over *tag*."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"

    @property
    def version(self) -> str:
        """The digest, else the tag."""
        return self.digest or self.tag or LATEST

    @property
    def is_loopback(self) -> bool:
        """Whether the registry is on this machine; as for Docker, it may then use plain HTTP."""
        return is_loopback(re.sub(r":\d+$", "", self.registry).strip("[]"))


Reference = LayoutReference | ArchiveReference | EngineReference | RegistryReference


def parse_reference(text: str) -> Reference:
    """Return the reference in *text*; raises ImageReferenceInvalid.

    The prefixes, and that a path ends at the next colon, follow skopeo
    (containers-transports(5)).
    """
    prefix, colon, rest = text.partition(":")
    if colon and prefix in ("oci", "docker-archive", "oci-archive"):
        path, _, name = rest.partition(":")
        if not path:
            raise ImageReferenceInvalid(f"{text!r} has no path.", SYNTAX)
        if prefix == "oci":
            return LayoutReference(Path(path), name or None)
        # A docker archive contains image names, an OCI layout arbitrary tags.
        known = with_tag(name) if name and prefix == "docker-archive" else name
        return ArchiveReference(Path(path), known or None)
    if colon and prefix == "docker" and not rest.startswith("//"):
        return EngineReference(rest if _ID.fullmatch(rest) else with_tag(rest))
    return _parse_registry_name(text.removeprefix("docker://"))


def is_path(text: str) -> bool:
    """Return whether *text* is written as a path rather than as a name: ``./image``, ``a.tar``."""
    return text.partition(":")[0] not in _PREFIXES and _PATH.fullmatch(text) is not None


def is_loopback(host: str) -> bool:
    """Return whether *host*, a name or an address, is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def names_registry(text: str) -> bool:
    """Return whether *text* is anything but a name without a registry, such as ``app:1``."""
    match = _NAME.fullmatch(text)
    return match is None or _is_host(match["registry"])


def with_tag(name: str) -> str:
    """Return *name*, with the tag ``latest`` if it has none; raises ImageReferenceInvalid."""
    match = _match(name)
    return name if match["tag"] or match["digest"] else f"{name}:{LATEST}"


def full_name(name: str) -> str:
    """Return *name* with its registry, by default Docker Hub; raises ImageReferenceInvalid."""
    return str(_parse_registry_name(name))


def _is_host(component: str | None) -> bool:
    """Return whether the first component of a name is a host (reference/normalize.go)."""
    return component is not None and (bool({".", ":"} & {*component}) or component == "localhost")


def _match(name: str) -> re.Match[str]:
    match = _NAME.fullmatch(name)
    if match is None or len(match["repository"]) > 255:
        raise _invalid(name)
    return match


def _invalid(name: str) -> ImageReferenceInvalid:
    return ImageReferenceInvalid(f"{name!r} is not a valid image reference.", SYNTAX)


def _parse_registry_name(name: str) -> RegistryReference:
    match = _match(name)
    registry, repository = match["registry"], match["repository"]
    if registry is not None and not _is_host(registry):
        repository = f"{registry}/{repository}"
        registry = None
        if repository != repository.lower():
            raise _invalid(name)
    if registry in (None, "index.docker.io"):
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    tag = match["tag"] or (None if match["digest"] else LATEST)
    return RegistryReference(registry or DOCKER_HUB, repository, tag, match["digest"])
