"""The interface of the builders: what a build takes and returns."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from buildstatic.builders.progress import OnStep, Progress, Stage
from buildstatic.dockerfile.assets import Assets
from buildstatic.oci.layer_lookup import StaticLayer


@dataclass(frozen=True)
class ExpectedFiles:
    """The static files of the built image.

    *static_root* is the tree, absolute or relative to the project, or None if it is unknown. The
    build fails without them if they are *required*. *is_in_context* says that the build context
    may have files in the tree: they may be in an earlier layer, which a record of the static layer
    does not tell.
    """

    static_root: str | None
    required: bool = True
    is_in_context: bool = True


@dataclass(frozen=True)
class BuildOptions:
    """The options of a build, as on the command line.

    *builder* is a builder of buildx, or ``embedded``. *base* and *output* are for the embedded
    builder: the image that gets the layer, under each of *tags*, and the file that the layer is
    written to. *reuse* is an earlier image whose compressed variants are used again. *insecure*
    allows registries without TLS for both. *export* is a directory for the static files, in place
    of an image; *serve* a server for them in an image of its own. *keep* is an earlier image, of
    which the static layers of at most *keep_releases* releases stay below the new one. *sbom* and
    *provenance* attach attestations to the image.
    """

    tags: tuple[str, ...] = ()
    target: str | None = None
    build_args: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    builder: str | None = None
    base: str | None = None
    output: Path | None = None
    reuse: str | None = None
    insecure: bool = False
    push: bool = False
    no_cache: bool = False
    pull: bool = False
    export: Path | None = None
    serve: Assets | None = None
    keep: str | None = None
    keep_releases: int = 1
    sbom: bool = False
    provenance: bool = False


@dataclass(frozen=True)
class BuildRequest:
    """One build of a Dockerfile.

    *dockerignore* is the text for a context without an ignore file, else None. *stages* are the
    names of the Dockerfile's stages, as those of `DockerfileSource`. *contexts* are the directories
    that replace stages, by the name of the stage. *expected* is None if the target contains no
    static files.
    """

    context: Path
    dockerfile: str
    options: BuildOptions = BuildOptions()
    dockerignore: str | None = None
    stages: tuple[str, ...] = ()
    contexts: Mapping[str, Path] = field(default_factory=dict)
    expected: ExpectedFiles | None = None


@dataclass(frozen=True)
class LayerFile:
    """The layer that the embedded builder wrote: its *size* in bytes, its *path* if it was kept.

    *sources* are the files that the names in the tree come from, if that is known.
    """

    path: Path | None
    size: int
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BuildResult:
    """What a build made.

    *image* is the first tag. *static* is None if the target contains no static files. *reused*
    says if the previous image of the tag has the same layer, None if there was none. *seconds* is
    the wall time of the build, *exported* the number of exported files, and *layer* is set by the
    embedded builder only. *earlier* are the diffIDs of the static layers of earlier releases,
    *dropped* the digests of what the image has not taken over from the base, such as attestations.
    """

    image: str | None
    id: str | None
    static: StaticLayer | None
    reused: bool | None
    stages: tuple[Stage, ...]
    seconds: float
    exported: int | None = None
    layer: LayerFile | None = None
    earlier: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


class Builder(Protocol):
    """Builds an image or a layer that contains the static files."""

    @property
    def name(self) -> str:
        """The name of the builder for messages."""

    def build(self, request: BuildRequest, on_step: OnStep, /) -> BuildResult:
        """Run *request* and call *on_step* for each step of a Dockerfile build.

        Raises StageFailed, EngineFailed, EngineNotFound, EngineUnusable, UnsupportedByBuilder or
        StaticLayerNotFound.
        """


def build_result(
    request: BuildRequest,
    progress: Progress,
    started: float,
    *,
    image_id: str | None = None,
    static: StaticLayer | None = None,
    previous: Collection[str] = (),
) -> BuildResult:
    """Return the result of a Dockerfile build that began at *started* (`time.monotonic`).

    *static* is the static layer of the image *image_id*, and *previous* are the diffIDs of the
    image that had the tag before.
    """
    return BuildResult(
        image=request.options.tags[0] if request.options.tags else None,
        id=image_id,
        static=static,
        reused=static.diff_id in previous if static and previous else None,
        stages=progress.stages(),
        seconds=round(time.monotonic() - started, 2),
    )
