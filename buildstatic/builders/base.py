"""The interface of the builders: what a build takes, reports while it runs, and returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from buildstatic.oci.static_layer import StaticLayer

if TYPE_CHECKING:
    from buildstatic.builders.progress import Progress


@dataclass(frozen=True)
class ExpectedFiles:
    """The static files that the built image must contain.

    *static_root* is the tree, absolute or relative to the project, or None if it is unknown. With
    *manifest_only* the image contains at most the manifest.
    """

    static_root: str | None
    manifest_only: bool = False


@dataclass(frozen=True)
class BuildRequest:
    """One build of a Dockerfile.

    *dockerignore* is the text for a context without an ignore file, else None. *wheels* is the
    directory that the ``buildstatic-wheels`` stage gets its files from, *previous* that of
    ``buildstatic-previous`` (variants of an earlier image); None if there is no such stage.
    *export* is a directory for the files of the target, which then makes no image. *expected* is
    None if the target contains no static files.
    """

    context: Path
    dockerfile: str
    dockerignore: str | None = None
    wheels: Path | None = None
    previous: Path | None = None
    tags: tuple[str, ...] = ()
    target: str | None = None
    build_args: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    builder: str | None = None
    push: bool = False
    no_cache: bool = False
    pull: bool = False
    export: Path | None = None
    expected: ExpectedFiles | None = None

    @property
    def contexts(self) -> dict[str, Path]:
        """The directories that replace stages of the Dockerfile, by the name of the stage."""
        named = {"buildstatic-wheels": self.wheels, "buildstatic-previous": self.previous}
        return {name: directory for name, directory in named.items() if directory}


@dataclass(frozen=True)
class Vertex:
    """The state of one step: BuildKit's ``Vertex`` (api/services/control/control.proto).

    *started* and *completed* are None until the step starts and ends.
    """

    digest: str
    name: str
    started: datetime | None = None
    completed: datetime | None = None
    cached: bool = False
    error: str = ""


@dataclass(frozen=True)
class Output:
    """Part of the output of the step with the digest *vertex*."""

    vertex: str
    text: str


@dataclass(frozen=True)
class Built:
    """The last event of a successful build.

    *config* is the digest of the image's configuration, *digest* that of its manifest or index if
    the builder reports it; both are None if no image was made.
    """

    config: str | None
    digest: str | None = None


Event: TypeAlias = Vertex | Output | Built
OnEvent: TypeAlias = Callable[[Event, "Progress"], None]


@dataclass(frozen=True)
class Stage:
    """A stage of the build: the wall time of its steps in seconds, and if all were cached."""

    name: str
    seconds: float
    cached: bool


@dataclass(frozen=True)
class LayerFile:
    """The layer that the embedded builder wrote: its *size* in bytes, its *path* if it was kept."""

    path: Path | None
    size: int


@dataclass(frozen=True)
class BuildResult:
    """What a build made.

    *image* is the first tag. *static* is None if the target contains no static files. *reused*
    says if the previous image of the tag has the same layer, None if there was none. *seconds* is
    the wall time of the build, *exported* the number of exported files, and *layer* is set by the
    embedded builder only.
    """

    image: str | None
    id: str | None
    static: StaticLayer | None
    reused: bool | None
    stages: tuple[Stage, ...]
    seconds: float
    exported: int | None = None
    layer: LayerFile | None = None


class Builder(Protocol):
    """Builds an image or a layer that contains the static files."""

    @property
    def name(self) -> str:
        """The name of the builder for messages."""

    def check(self, request: BuildRequest, /) -> None:
        """Raise UnsupportedByBuilder if *request* needs what this builder does not support."""

    def build(self, request: BuildRequest, on_event: OnEvent, /) -> BuildResult:
        """Run *request* and call *on_event* for each event of a Dockerfile build.

        Raises StageFailed, EngineFailed, EngineNotFound, EngineUnusable, UnsupportedByBuilder or
        StaticLayerNotFound.
        """
