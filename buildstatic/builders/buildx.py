"""Builds with ``docker buildx build``: on the engine, or on any other builder of buildx."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from buildstatic.atomic import PREFIX, lock_directory
from buildstatic.builders.base import BuildRequest, BuildResult, build_result
from buildstatic.builders.buildx_build import run, save_oci
from buildstatic.builders.buildx_queries import ENGINE_DRIVER, registry_digest, registry_layers
from buildstatic.builders.events import Built
from buildstatic.builders.follow import follow
from buildstatic.builders.progress import OnStep, Progress
from buildstatic.errors import EngineFailed, EngineNotFound, StageFailed
from buildstatic.oci.engine import connect, failures, layers_of
from buildstatic.oci.engine_lookup import find_in_engine, image_id_in_engine
from buildstatic.oci.layer_lookup import StaticLayer, find_in_images
from buildstatic.oci.saved_images import read_saved_images

if TYPE_CHECKING:
    from docker import DockerClient

# buildx's own step before the build on a builder with another driver.
_CONNECTING = "failed at: waiting for connection\n"


@dataclass(frozen=True)
class BuildxBuilder:
    """A builder of buildx, and the engine that gets its images.

    *client* is None if they are pushed from the builder's own store, or files are exported.
    """

    client: DockerClient | None
    name: ClassVar[str] = "docker buildx"

    @classmethod
    def connect(cls, request: BuildRequest, driver: str) -> BuildxBuilder:
        """Return the builder for *request*, which has this *driver*.

        Raises what `oci.engine.connect` raises.
        """
        options = request.options
        needs_engine = driver == ENGINE_DRIVER or not (options.push or options.export)
        return cls(connect() if needs_engine else None)

    def build(self, request: BuildRequest, on_step: OnStep, /) -> BuildResult:
        """Run *request* as `Builder.build` describes."""
        started = time.monotonic()
        if request.options.export:
            return self._export(request, request.options.export, on_step, started)
        previous: tuple[str, ...] = ()
        with failures():
            for tag in request.options.tags[:1]:
                previous = layers_of(self.client, tag) if self.client else registry_layers(tag)
            progress = self._run(request, on_step)
            image_id, static = self._built_image(request, progress.built or Built(None))
        return build_result(
            request, progress, started, image_id=image_id, static=static, previous=previous
        )

    def _run(self, request: BuildRequest, on_step: OnStep) -> Progress:
        try:
            return follow(run(request), request, on_step)
        except StageFailed as error:
            if _CONNECTING not in error.problem or error.stage:
                raise
            problem = f"The builder {request.options.builder or 'in use'} does not respond."
            advice = "`docker buildx ls` lists the builders and their endpoints."
            raise EngineNotFound(problem, advice) from error

    def _export(
        self, request: BuildRequest, directory: Path, on_step: OnStep, started: float
    ) -> BuildResult:
        """Build the files of the target, and move them into *directory* one by one.

        They are built on the same file system, so that no incomplete file is ever visible. Other
        files in *directory* stay, as with collectstatic.
        """
        target = directory.absolute()
        name = f"{PREFIX}{hashlib.sha256(os.fsencode(target)).hexdigest()[:16]}"
        parent, *others = (path / name for path in (target, *target.parents) if path.is_dir())
        for left in filter(Path.is_dir, others):  # by a run before which *directory* did not exist
            with _temporary_directory(left):
                pass
        with _temporary_directory(parent) as temporary:
            tree = temporary / "tree"
            with failures():
                options = dataclasses.replace(request.options, export=tree)
                progress = self._run(dataclasses.replace(request, options=options), on_step)
            files = 0
            for built, _, names in os.walk(tree):
                target = directory / Path(built).relative_to(tree)
                if not target.is_dir():
                    target.mkdir(parents=True)
                    shutil.copymode(built, target)
                for name in names:
                    Path(built, name).replace(target / name)
                files += len(names)
            result = build_result(request, progress, started)
        return dataclasses.replace(result, exported=files)

    def _built_image(
        self, request: BuildRequest, built: Built
    ) -> tuple[str | None, StaticLayer | None]:
        """Return the ID of the image, and its static layer if one is expected."""
        image_id, expected = built.config or built.digest, request.expected
        if self.client:
            image_id = image_id_in_engine(self.client, built.digest, built.config) or image_id
        if expected is None:
            return image_id, None
        if self.client is None:
            with tempfile.TemporaryDirectory(prefix="buildstatic-") as directory:
                archive = Path(directory, "image.tar")
                for _ in save_oci(request, archive):
                    pass
                with archive.open("rb") as stream:
                    images = read_saved_images(stream)
            layer = find_in_images(images, expected.static_root, required=expected.required)
        elif image_id is None:
            raise EngineFailed("buildx did not report the ID of the image.")
        else:
            layer = find_in_engine(
                self.client,
                image_id,
                expected.static_root,
                required=expected.required,
                dockerfile=None if expected.is_in_context else request.dockerfile,
            )
        if request.options.push and layer and layer.digest is None:
            digest = registry_digest(request.options.tags[0], layer.diff_id)
            layer = dataclasses.replace(layer, digest=digest)
        return image_id, layer


@contextmanager
def _temporary_directory(path: Path) -> Iterator[Path]:
    """Yield the empty directory *path*, for this process alone; it is removed at the end.

    Another process waits for it, or finds what a killed one has left, and removes that.
    """
    with lock_directory(path, lambda: path.mkdir(exist_ok=True)):
        try:
            for entry in path.iterdir():
                shutil.rmtree(entry)
            yield path
        finally:
            shutil.rmtree(path)
