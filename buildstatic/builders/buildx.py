"""Builds with ``docker buildx build``: on the engine, or on any other builder of buildx."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from buildstatic.atomic import PREFIX, lock_directory
from buildstatic.builders.base import BuildRequest, BuildResult, build_result
from buildstatic.builders.progress import (
    Built,
    Event,
    OnEvent,
    Progress,
    StepOutput,
    Vertex,
    follow,
    readable,
)
from buildstatic.errors import (
    BuildstaticError,
    EngineFailed,
    EngineNotFound,
    EngineUnusable,
    StageFailed,
    UnsupportedByBuilder,
)
from buildstatic.oci.engine import connect, failures, layers_of
from buildstatic.oci.layer_lookup import (
    StaticLayer,
    find_in_engine,
    find_in_images,
    image_id_in_engine,
    read_saved_images,
)

if TYPE_CHECKING:
    from docker import DockerClient

# The first version with --progress=rawjson.
OLDEST = (0, 13)
# The driver that puts images into the engine's store. All others have a store of their own.
ENGINE_DRIVER = "docker"
_VERSION = re.compile(r"\bv?(\d+)\.(\d+)\.\d+")
_DRIVER = re.compile(r"^Driver:[ \t]*(\S*)", re.M)
_TERMINATE_TIMEOUT = 10  # seconds
_UNSUPPORTED = (
    "multi-platform",
    "multiple platforms",
    "not supported",
    "does not currently support",
)
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
    def connect(cls, request: BuildRequest) -> BuildxBuilder:
        """Return the builder that *request* names, or buildx's current one.

        Raises EngineNotFound if there is none, and what `oci.engine.connect` raises.
        """
        options = request.options
        is_engine = driver_of(options.builder) == ENGINE_DRIVER
        needs_engine = is_engine or not (options.push or options.export)
        return cls(connect() if needs_engine else None)

    def build(self, request: BuildRequest, on_event: OnEvent, /) -> BuildResult:
        """Run *request* as `Builder.build` describes."""
        started = time.monotonic()
        if request.options.export:
            return self._export(request, request.options.export, on_event, started)
        previous: tuple[str, ...] = ()
        with failures():
            for tag in request.options.tags[:1]:
                previous = layers_of(self.client, tag) if self.client else registry_layers(tag)
            progress = self._run(request, on_event)
            image_id, static = self._built_image(request, progress.built or Built(None))
        return build_result(
            request, progress, started, image_id=image_id, static=static, previous=previous
        )

    def _run(self, request: BuildRequest, on_event: OnEvent) -> Progress:
        try:
            return follow(run(request), on_event, request.context)
        except StageFailed as error:
            if _CONNECTING not in error.problem or error.stage:
                raise
            problem = f"The builder {request.options.builder or 'in use'} does not respond."
            advice = "`docker buildx ls` lists the builders and their endpoints."
            raise EngineNotFound(problem, advice) from error

    def _export(
        self, request: BuildRequest, directory: Path, on_event: OnEvent, started: float
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
                progress = self._run(dataclasses.replace(request, options=options), on_event)
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


def is_available() -> bool:
    """Return whether there is a ``docker`` command with a buildx that is new enough."""
    done = _buildx("version")
    found = _VERSION.search(done.stdout) if done and done.returncode == 0 else None
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST


def driver_of(builder: str | None) -> str:
    """Return the driver of *builder*, or of buildx's current one.

    Raises EngineNotFound if there is none. The driver is ``docker`` if buildx reports none, as it
    does if no engine responds.
    """
    done = _buildx("inspect", *([builder] if builder else []))
    found = _DRIVER.search(done.stdout) if done else None
    if found is None:
        reason = done.stderr.strip().removeprefix("ERROR: ") if done else "no docker command"
        problem = f"docker buildx finds no builder {builder or 'to use'}: {reason}."
        raise EngineNotFound(problem, "`docker buildx ls` lists the builders.")
    return found[1] or ENGINE_DRIVER


def run(request: BuildRequest) -> Generator[Event, None, None]:
    """Run *request* and yield its events, last a `Built`."""
    with tempfile.TemporaryDirectory(prefix="buildstatic-") as directory:
        path = Path(directory, "metadata.json")
        options = request.options
        flags = [f"--metadata-file={path}"]
        flags += [f"--tag={tag}" for tag in options.tags]
        flags += [f"--cache-to={cache}" for cache in options.cache_to]
        flags += ["--no-cache"] if options.no_cache else []
        flags += ["--pull"] if options.pull else []
        if options.export:
            flags.append(f"--output=type=local,dest={options.export}")
        else:
            flags.append("--push" if options.push else "--load")
        yield from _events([*_command(request, Path(directory)), *flags, str(request.context)])
        metadata = json.loads(path.read_text()) if path.is_file() else {}
    yield Built(metadata.get("containerimage.config.digest"), metadata.get("containerimage.digest"))


def save_oci(request: BuildRequest, archive: Path) -> Iterator[Event]:
    """Run *request* again, from the builder's cache, into an OCI *archive*.

    For a builder that puts its images into no engine's store.
    """
    with tempfile.TemporaryDirectory(prefix="buildstatic-") as directory:
        output = f"--output=type=oci,dest={archive}"
        yield from _events([*_command(request, Path(directory)), output, str(request.context)])


def registry_layers(tag: str) -> tuple[str, ...]:
    """Return the diffIDs of the image *tag* in its registry, of all its platforms."""
    parsed = _inspect(tag, "--format={{json .Image}}")
    images = [parsed] if "rootfs" in parsed else list(parsed.values())
    return tuple(layer for image in images for layer in image["rootfs"].get("diff_ids") or ())


def registry_digest(tag: str, diff_id: str) -> str | None:
    """Return the digest of the layer *diff_id* of the image *tag* in its registry.

    Of an image for several platforms, that is the first one. None if it has no such layer.
    """
    from docker.utils import parse_repository_tag

    name = tag
    manifest = _inspect(name, "--raw")
    if "manifests" in manifest:
        name = f"{parse_repository_tag(tag)[0]}@{manifest['manifests'][0]['digest']}"
        manifest = _inspect(name, "--raw")
    diff_ids = registry_layers(name)
    blobs = manifest.get("layers") or []
    if diff_id not in diff_ids or len(blobs) != len(diff_ids):
        return None
    return str(blobs[diff_ids.index(diff_id)]["digest"])


def _inspect(name: str, option: str) -> dict[str, Any]:
    """Return what ``imagetools inspect`` prints of *name*, nothing if the registry has none."""
    done = _buildx("imagetools", "inspect", option, name)
    return dict(json.loads(done.stdout)) if done and done.returncode == 0 else {}


def _command(request: BuildRequest, directory: Path) -> list[str]:
    """Write the Dockerfile into *directory*, and return the command without an output."""
    dockerfile = directory / "Dockerfile"
    dockerfile.write_text(request.dockerfile, encoding="utf-8")
    if request.dockerignore is not None:
        ignore = Path(f"{dockerfile}.dockerignore")
        ignore.write_text(request.dockerignore, "utf-8", "surrogateescape")
    options = request.options
    command = ["docker", "buildx", "build", "--progress=rawjson", f"--file={dockerfile}"]
    # By default buildx adds provenance, with which the digest differs after each build.
    command.append(f"--provenance={'true' if options.provenance else 'false'}")
    command += ["--sbom=true"] if options.sbom else []
    command += [f"--builder={options.builder}"] if options.builder else []
    command += [f"--build-context={name}={path}" for name, path in request.contexts.items()]
    command += [f"--target={options.target}"] if options.target else []
    command += [f"--build-arg={argument}" for argument in options.build_args]
    command += [f"--secret={secret}" for secret in options.secrets]
    command += [f"--cache-from={cache}" for cache in options.cache_from]
    command += [f"--platform={','.join(options.platforms)}"] if options.platforms else []
    return command


def _events(command: list[str]) -> Iterator[Event]:
    """Run *command* and yield its events; ends the process if the caller stops early."""
    text: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            assert process.stderr is not None
            for message in split_json(process.stderr):
                if isinstance(message, str):
                    text.append(message)
                else:
                    yield from readable(from_json(message))
            if process.wait() != 0:
                raise _failure(text)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(_TERMINATE_TIMEOUT)
                except subprocess.TimeoutExpired:
                    process.kill()


def from_json(status: dict[str, Any]) -> Iterator[Event]:
    """Yield the events of one ``SolveStatus``, a message of ``--progress=rawjson``."""

    def time_of(text: str | None) -> datetime | None:
        return datetime.fromisoformat(text) if text else None

    for vertex in status.get("vertexes") or ():
        yield Vertex(
            vertex["digest"],
            vertex.get("name", ""),
            time_of(vertex.get("started")),
            time_of(vertex.get("completed")),
            vertex.get("cached", False),
            vertex.get("error", ""),
        )
    for log in status.get("logs") or ():
        data = base64.b64decode(log.get("data") or "")
        yield StepOutput(log["vertex"], data.decode(errors="replace"))


def split_json(lines: Iterable[str]) -> Iterator[dict[str, Any] | str]:
    """Yield the JSON messages in *lines*, on one line or indented, and other lines as text.

    buildx writes both to one stream: messages during the build, and text if it fails.
    """
    pending = ""
    for line in lines:
        if not pending and not line.startswith("{"):
            yield line.rstrip("\n")
            continue
        pending += line
        if line.rstrip().endswith("}") and line.startswith(("{", "}")):
            try:
                yield json.loads(pending)
            except ValueError:
                yield pending.rstrip("\n")
            pending = ""


def _failure(text: list[str]) -> BuildstaticError:
    """Return the error for the last line of what buildx printed."""
    lines = [line.strip() for line in text if line.strip()]
    last = next((w for w in reversed(lines) if w.startswith("ERROR:")), (lines or [""])[-1])
    reason = last.removeprefix("ERROR:").strip().rstrip(".") or "buildx printed no reason"
    lower = reason.lower()
    if "permission denied" in lower and "docker" in lower and "sock" in lower:
        advice = "Add yourself to the docker group (sudo usermod -aG docker $USER)."
        return EngineUnusable(f"The Docker engine denies access: {reason}.", advice)
    if "cannot connect to the docker daemon" in lower:
        advice = "Start Docker, or use --builder embedded."
        return EngineNotFound(f"No Docker engine responds: {reason}.", advice)
    if "unknown flag: link" in lower or "unknown flag: --link" in lower:
        return EngineUnusable(
            f"The builder does not support COPY --link: {reason}.", "Upgrade the builder."
        )
    if any(phrase in lower for phrase in _UNSUPPORTED):
        advice = (
            "`docker buildx create --driver docker-container --use` creates a builder that does."
        )
        return UnsupportedByBuilder(f"The builder does not support this: {reason}.", advice)
    return EngineFailed(f"The build failed: {reason}.")


def _buildx(*arguments: str) -> subprocess.CompletedProcess[str] | None:
    """Run ``docker buildx`` with *arguments*; return None if there is no docker command."""
    command = ["docker", "buildx", *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except (FileNotFoundError, PermissionError):
        return None
