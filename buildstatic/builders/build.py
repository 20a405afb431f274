"""Runs a build and says what came out of it."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from buildstatic.builders import buildx, identify
from buildstatic.builders import engine_api as api
from buildstatic.builders.events import Built, Event
from buildstatic.builders.request import BuildRequest
from buildstatic.builders.stages import COMMAND_FAILED, Build, Stage
from buildstatic.builders.wheel import make_wheel
from buildstatic.dockerfile.recipe import stage_names
from buildstatic.errors import (
    BuildstaticError,
    EngineFailed,
    EngineNotFound,
    StageFailed,
    StaticLayerNotFound,
)
from buildstatic.oci.archive import Image
from buildstatic.oci.engine import connect, failures
from buildstatic.oci.layer_lookup import glance
from buildstatic.oci.static_layer import StaticLayer, find_static_layer

if TYPE_CHECKING:
    from docker import DockerClient

OnEvent = Callable[[Event, Build], None]
# BuildKit's own step that asks a registry for a base image.
_LOOKING_UP = "load metadata for "
# buildx's, before the build begins on a builder with a driver of its own.
_CONNECTING = "failed at: waiting for connection\n"
_NO_BASE_IMAGE = (
    "Is the name of that base image right, its registry within reach, and a login there? "
    "Without --pull, one that is here already will do."
)


@dataclass(frozen=True)
class Report:
    """What a build has made.

    *static* is None where the target has no static files; *reused* tells whether the image that
    had the tag before has the same layer, None where there was none to compare with. *seconds* is
    the wall time of all of it.
    """

    image: str | None
    id: str | None
    static: StaticLayer | None
    reused: bool | None
    stages: tuple[Stage, ...]
    seconds: float


@dataclass(frozen=True)
class Builder:
    """What runs the Dockerfile: buildx with a *driver*, or the API alone where that is None.

    *client* is the engine, None where the builder is another one and none is needed.
    """

    driver: str | None
    client: DockerClient | None

    @property
    def keeps_images_itself(self) -> bool:
        """Tell whether a pushed image is in no engine's store."""
        return self.driver not in (None, buildx.ENGINE)


@dataclass(frozen=True)
class Expected:
    """What the image must hold: files below *static_root*, None where that is not known.

    With *names_only* it is the manifest alone, if the storage makes one.
    """

    static_root: str | None
    names_only: bool = False


def choose_builder(request: BuildRequest) -> Builder:
    """Return the builder for *request*: buildx where it is, else the engine's API.

    Raises what `connect` does, and UnsupportedByBuilder for what the API cannot do.
    """
    if not buildx.is_available():
        api.check(request)
        return Builder(None, connect())
    driver = buildx.driver(request.builder)
    needs_engine = driver == buildx.ENGINE or not (request.push or request.export)
    return Builder(driver, connect() if needs_engine else None)


def build(
    builder: Builder, request: BuildRequest, expected: Expected | None, on_event: OnEvent
) -> Report:
    """Run *request* and return what came out; *on_event* is told all that happens.

    *expected* is None where the target has no static files. Raises StageFailed, EngineFailed,
    UnsupportedByBuilder or StaticLayerNotFound.
    """
    started = time.monotonic()
    with failures():
        before = _layers_before(builder, request)
        progress = _run(builder, request, on_event)
        image_id = _image_id(builder, progress.built) if progress.built else None
        static = _static(builder, request, image_id, expected) if expected else None
    return Report(
        image=request.tags[0] if request.tags else None,
        id=image_id,
        static=static,
        reused=static.diff_id in before if static and before else None,
        stages=tuple(stage for stage in progress.stages() if stage.name in own_stages(request)),
        seconds=round(time.monotonic() - started, 2),
    )


def own_stages(request: BuildRequest) -> frozenset[str]:
    """Return the stages of the Dockerfile, those without a name as BuildKit calls them.

    BuildKit tells of a step that two builds share, at the same time, by the name that the first
    one has for it, and that is a stage of another Dockerfile.
    """
    names = enumerate(stage_names(request.dockerfile))
    return frozenset(name or f"stage-{index}" for index, name in names)


@contextmanager
def wheels() -> Iterator[Path]:
    """Yield a directory with the wheel of the buildstatic that runs."""
    with tempfile.TemporaryDirectory(prefix="buildstatic-wheels-") as directory:
        make_wheel(Path(directory))
        yield Path(directory)


def export(
    builder: Builder, request: BuildRequest, directory: Path, on_event: OnEvent
) -> tuple[Report, int]:
    """Run *request* for its files alone, and put them into *directory*; return how many.

    They are built on the same file system and moved into it one by one, so that no file is ever
    half there; other files in it stay, as collectstatic lets them.
    """
    near = next(place for place in (directory, *directory.absolute().parents) if place.is_dir())
    with tempfile.TemporaryDirectory(prefix=".buildstatic-", dir=near) as beside:
        tree = Path(beside, "tree")
        wanted = replace(request, export=tree, tags=())
        report = build(builder, wanted, None, on_event)
        return report, _move(tree, directory)


def _move(tree: Path, directory: Path) -> int:
    files = 0
    for parent, _, names in os.walk(tree):
        target = directory / Path(parent).relative_to(tree)
        if not target.is_dir():
            target.mkdir(parents=True)
            shutil.copymode(parent, target)
        for name in names:
            Path(parent, name).replace(target / name)
            files += 1
    return files


def _run(builder: Builder, request: BuildRequest, on_event: OnEvent) -> Build:
    progress = Build()
    try:
        # Closed at once when interrupted: what the builder has put up for the time is taken away.
        with closing(_events(builder, request)) as events:
            for event in events:
                progress.add(event)
                on_event(event, progress)
    except BuildstaticError as error:
        raise _cause(progress.failure(), error, request.builder) from error
    return progress


def _cause(
    failure: StageFailed | None, error: BuildstaticError, builder: str | None
) -> BuildstaticError:
    """Return what tells more: the step that failed, or what the builder made of it.

    A command that failed may have printed anything, and none of it is about the builder.
    """
    if failure is None or not (
        isinstance(error, EngineFailed) or COMMAND_FAILED in failure.problem
    ):
        return error
    if _CONNECTING in failure.problem and not failure.stage:
        problem = f"The builder {builder or 'in use'} does not answer."
        return EngineNotFound(problem, "`docker buildx ls` lists the builders and where they are.")
    advice = _NO_BASE_IMAGE if _LOOKING_UP in failure.problem else failure.advice
    return StageFailed(failure.problem, advice, stage=failure.stage, vertex=failure.vertex)


def _events(builder: Builder, request: BuildRequest) -> Generator[Event, None, None]:
    if builder.driver is None:
        assert builder.client is not None
        return api.build(builder.client, request)
    return buildx.build(request)


def _layers_before(builder: Builder, request: BuildRequest) -> tuple[str, ...]:
    if not request.tags:
        return ()
    if request.push and builder.keeps_images_itself:
        return buildx.registry_layers(request.tags[0])
    if builder.client is None:
        return ()
    return identify.layers_of(builder.client, request.tags[0])


def _image_id(builder: Builder, built: Built) -> str | None:
    """Return the image's id, as the engine calls it that has the image.

    The containerd store goes by the digest of the manifest, the others by the configuration's.
    """
    from docker.errors import ImageNotFound

    for name in (built.digest, built.config):
        with suppress(ImageNotFound):
            if builder.client and name:
                return str(builder.client.images.get(name).id)
    return built.config or built.digest


def _images(builder: Builder, request: BuildRequest, image_id: str | None) -> tuple[Image, ...]:
    if request.push and builder.keeps_images_itself:
        return identify.from_builder(request)
    assert builder.client is not None
    if image_id is None:
        raise EngineFailed("The builder did not say which image it made.")
    return identify.from_engine(builder.client, image_id)


def _static(
    builder: Builder, request: BuildRequest, image_id: str | None, expected: Expected
) -> StaticLayer | None:
    """Return the static layer: seen at a glance where that is enough, else searched for."""
    is_here = not (request.push and builder.keeps_images_itself)
    if builder.client and is_here and image_id and expected.static_root:
        layer = glance(builder.client, image_id, expected.static_root)
        if layer is not None:
            diff_ids = identify.layers_of(builder.client, image_id)
            return _pushed(builder, request, layer, diff_ids)
    images = _images(builder, request, image_id)
    try:
        layers = [find_static_layer(image, expected.static_root) for image in images]
    except StaticLayerNotFound:
        if expected.names_only:
            return None
        raise
    return _pushed(builder, request, layers[0], [each.diff_id for each in images[0].layers])


def _pushed(
    builder: Builder, request: BuildRequest, layer: StaticLayer, diff_ids: Sequence[str]
) -> StaticLayer:
    """Return *layer* with its digest in the registry, if it was pushed by buildx."""
    if request.push and builder.driver is not None:
        return identify.with_registry_digest(layer, diff_ids, request.tags[0])
    return layer
