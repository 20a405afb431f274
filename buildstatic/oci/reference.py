"""The names of images, and where the image of a name is."""

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
LATEST = "latest"
DOCKER_HUB = "docker.io"
FORMS = (
    "An image is named oci:DIR, oci:DIR:TAG, docker-archive:FILE, docker-archive:FILE:NAME:TAG, "
    "docker:NAME (the local engine's) or as in a registry: registry.example.com/name:tag."
)


@dataclass(frozen=True)
class LayoutReference:
    """An image in the OCI layout *directory*; *tag* is None for the only one there."""

    directory: Path
    tag: str | None = None

    def __str__(self) -> str:
        return f"oci:{self.directory}" + (f":{self.tag}" if self.tag else "")


@dataclass(frozen=True)
class ArchiveReference:
    """An image in the *file* of ``docker save`` or of BuildKit; *name* is None for the only one."""

    file: Path
    name: str | None = None

    def __str__(self) -> str:
        return f"docker-archive:{self.file}" + (f":{self.name}" if self.name else "")


@dataclass(frozen=True)
class EngineReference:
    """An image of the local engine: a name with a tag, or an id."""

    name: str

    def __str__(self) -> str:
        return f"docker:{self.name}"


@dataclass(frozen=True)
class RegistryReference:
    """An image in a *registry* (host and port); *digest* goes before *tag* where both are there."""

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
        """Whether the registry is on this machine, where HTTP is good enough, as Docker has it."""
        return is_loopback(re.sub(r":\d+$", "", self.registry).strip("[]"))


Reference = LayoutReference | ArchiveReference | EngineReference | RegistryReference


def parse_reference(text: str) -> Reference:
    """Return what *text* names; raises ImageReferenceInvalid.

    The words before a colon, and that a path ends at the next colon, are skopeo's
    (containers-transports(5)).
    """
    kind, colon, rest = text.partition(":")
    if kind == "oci" and colon:
        path, _, tag = rest.partition(":")
        return LayoutReference(_path(text, path), tag or None)
    if kind in ("docker-archive", "oci-archive") and colon:
        path, _, name = rest.partition(":")
        # An OCI layout has any words as tags, and a docker archive the names of images.
        known = with_tag(name) if name and kind == "docker-archive" else name
        return ArchiveReference(_path(text, path), known or None)
    if kind == "docker" and colon and not rest.startswith("//"):
        return EngineReference(rest if _ID.fullmatch(rest) else with_tag(rest))
    return _in_registry(text.removeprefix("docker://"))


def is_loopback(host: str) -> bool:
    """Tell whether *host*, a name or an address, is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def names_registry(text: str) -> bool:
    """Return whether *text* is anything but a name without a registry, such as ``app:1``."""
    found = _NAME.fullmatch(text)
    return found is None or _names_host(found["registry"])


def _names_host(first: str | None) -> bool:
    """Tell whether the *first* part of a name is a host (distribution/reference, normalize.go)."""
    return first is not None and (bool(set(".:") & set(first)) or first == "localhost")


def with_tag(name: str) -> str:
    """Return *name* with the tag ``latest`` where it has none; raises ImageReferenceInvalid."""
    found = _match(name)
    return name if found["tag"] or found["digest"] else f"{name}:{LATEST}"


def full_name(name: str) -> str:
    """Return *name* with its registry, which is Docker Hub where it names none."""
    return str(_in_registry(name))


def _path(text: str, path: str) -> Path:
    if not path:
        raise ImageReferenceInvalid(f"{text} names no file or directory.", FORMS)
    return Path(path)


def _match(name: str) -> re.Match[str]:
    found = _NAME.fullmatch(name)
    if found is None or len(found["repository"]) > 255:
        raise ImageReferenceInvalid(f"{name!r} is no name of an image.", FORMS)
    return found


def _in_registry(name: str) -> RegistryReference:
    found = _match(name)
    registry, repository = found["registry"], found["repository"]
    if registry is not None and not _names_host(registry):
        repository = f"{registry}/{repository}"
        registry = None
        if repository != repository.lower():
            raise ImageReferenceInvalid(f"{name!r} is no name of an image.", FORMS)
    if registry in (None, "index.docker.io"):
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    tag = found["tag"] or (None if found["digest"] else LATEST)
    return RegistryReference(registry or DOCKER_HUB, repository, tag, found["digest"])
