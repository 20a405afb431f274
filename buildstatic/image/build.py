"""Runs a build and says what came out of it."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from buildstatic.errors import BuildstaticError, EngineFailed, StageFailed
from buildstatic.image import identify
from buildstatic.image.archive import Image
from buildstatic.image.builders import api, buildx
from buildstatic.image.engine import connect, failures
from buildstatic.image.events import Event
from buildstatic.image.request import BuildRequest
from buildstatic.image.stages import COMMAND_FAILED, Build, Stage
from buildstatic.image.static_layer import StaticLayer, find_static_layer
from buildstatic.image.wheel import make_wheel

if TYPE_CHECKING:
    from docker import DockerClient

OnEvent = Callable[[Event, Build], None]
# The drivers whose images are in an engine's store when the build ends.
_LOCAL = "docker"


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
        return self.driver not in (None, _LOCAL)


@dataclass(frozen=True)
class Expected:
    """What the image must hold: files below *static_root*, None where that is not known."""

    static_root: str | None


def choose_builder(request: BuildRequest) -> Builder:
    """Return the builder for *request*: buildx where it is, else the engine's API.

    Raises what keeps the engine from being used, and BuilderCannot for what the API cannot do.
    """
    if not buildx.is_available():
        api.check(request)
        return Builder(None, connect())
    driver = buildx.driver(request.builder)
    needs_engine = driver == _LOCAL or not (request.push or request.export)
    return Builder(driver, connect() if needs_engine else None)


def build(
    builder: Builder, request: BuildRequest, expected: Expected | None, on_event: OnEvent
) -> Report:
    """Run *request* and return what came out; *on_event* is told all that happens.

    *expected* is None where the target has no static files. Raises StageFailed, EngineFailed,
    BuilderCannot or StaticLayerMissing.
    """
    started = time.monotonic()
    with failures():
        before = _layers_before(builder, request)
        progress = _run(builder, request, on_event)
        static = _static(builder, request, progress, expected) if expected else None
    return Report(
        image=request.tags[0] if request.tags else None,
        id=progress.built.config or progress.built.digest if progress.built else None,
        static=static,
        reused=static.diff_id in before if static and before else None,
        stages=progress.stages(),
        seconds=round(time.monotonic() - started, 2),
    )


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

    They are built beside it and moved into it one by one, so that no file is ever half there;
    other files in it stay, as collectstatic lets them.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".buildstatic-", dir=directory.parent) as beside:
        tree = Path(beside, "tree")
        wanted = replace(request, export=tree, tags=())
        report = build(builder, wanted, None, on_event)
        return report, _move(tree, directory)


def _move(tree: Path, directory: Path) -> int:
    files = 0
    for parent, _, names in os.walk(tree):
        target = directory / Path(parent).relative_to(tree)
        target.mkdir(parents=True, exist_ok=True)
        shutil.copymode(parent, target)
        for name in names:
            Path(parent, name).replace(target / name)
            files += 1
    return files


def _run(builder: Builder, request: BuildRequest, on_event: OnEvent) -> Build:
    progress = Build()
    try:
        for event in _events(builder, request):
            progress.add(event)
            on_event(event, progress)
    except BuildstaticError as error:
        raise _cause(progress.failure(), error) from error
    return progress


def _cause(failure: StageFailed | None, error: BuildstaticError) -> BuildstaticError:
    """Return what tells more: the step that failed, or what the builder made of it.

    A command that failed may have printed anything, and none of it is about the builder.
    """
    if failure and (isinstance(error, EngineFailed) or COMMAND_FAILED in failure.problem):
        return failure
    return error


def _events(builder: Builder, request: BuildRequest) -> Iterator[Event]:
    if builder.driver is None:
        assert builder.client is not None
        return api.build(builder.client, request)
    return buildx.build(request)


def _layers_before(builder: Builder, request: BuildRequest) -> tuple[str, ...]:
    if builder.client is None or not request.tags:
        return ()
    return identify.layers_of(builder.client, request.tags[0])


def _images(builder: Builder, request: BuildRequest, progress: Build) -> tuple[Image, ...]:
    if request.push and builder.keeps_images_itself:
        return identify.from_builder(request)
    assert builder.client is not None
    assert progress.built is not None
    name = request.tags[0] if request.tags else progress.built.config or progress.built.digest
    if name is None:
        raise EngineFailed("The builder did not say which image it made.")
    return identify.from_engine(builder.client, name)


def _static(
    builder: Builder, request: BuildRequest, progress: Build, expected: Expected
) -> StaticLayer:
    images = _images(builder, request, progress)
    layers = [find_static_layer(image, expected.static_root) for image in images]
    if request.push and builder.driver is not None:
        return identify.with_registry_digest(layers[0], images[0], request.tags[0])
    return layers[0]
