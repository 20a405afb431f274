"""Builds with ``docker buildx build``: on the engine, or on any builder that buildx knows."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from buildstatic.builders.events import Built, Event
from buildstatic.builders.request import BuildRequest
from buildstatic.builders.trace import from_json, split_json
from buildstatic.errors import (
    BuildstaticError,
    EngineFailed,
    EngineNotFound,
    EngineUnusable,
    UnsupportedByBuilder,
)

# The first with --progress=rawjson.
OLDEST = (0, 13)
# The driver whose images are in an engine's store when the build ends.
ENGINE = "docker"
_VERSION = re.compile(r"\bv?(\d+)\.(\d+)\.\d+")
_DRIVER = re.compile(r"^Driver:[ \t]*(\S*)", re.M)
_GRACE = 10  # seconds
_BEYOND = ("multi-platform", "multiple platforms", "not supported", "does not currently support")


def is_available() -> bool:
    """Tell whether the ``docker`` command is here with a buildx that is new enough."""
    done = _ask("version")
    found = _VERSION.search(done.stdout) if done and done.returncode == 0 else None
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST


def driver(builder: str | None) -> str:
    """Return the driver of *builder*, or of the one in use; raises EngineNotFound for no such.

    The driver is ``docker`` where buildx tells none, which is so where no engine answers.
    """
    done = _ask("inspect", *([builder] if builder else []))
    found = _DRIVER.search(done.stdout) if done else None
    if found is None:
        said = done.stderr.strip().removeprefix("ERROR: ") if done else "no docker command"
        problem = f"docker buildx finds no builder {builder or 'to use'}: {said}."
        raise EngineNotFound(problem, "`docker buildx ls` lists the builders that there are.")
    return found[1] or ENGINE


def build(request: BuildRequest) -> Generator[Event, None, None]:
    """Run *request* and yield what happens, last a `Built`."""
    with tempfile.TemporaryDirectory(prefix="buildstatic-") as directory:
        metadata = Path(directory, "metadata.json")
        command = [*_command(request, Path(directory)), f"--metadata-file={metadata}"]
        yield from _run([*command, str(request.context)])
        said = json.loads(metadata.read_text()) if metadata.is_file() else {}
        yield Built(said.get("containerimage.config.digest"), said.get("containerimage.digest"))


def save_oci(request: BuildRequest, archive: Path) -> Iterator[Event]:
    """Run *request* again, from the builder's cache, into an OCI *archive*.

    For a builder whose images are in no engine's store.
    """
    with tempfile.TemporaryDirectory(prefix="buildstatic-") as directory:
        command = _command(request, Path(directory), output=f"type=oci,dest={archive}")
        yield from _run([*command, str(request.context)])


def registry_manifest(tag: str) -> dict[str, Any] | None:
    """Return what the registry keeps under *tag*: a manifest, an index, or None for nothing."""
    done = _ask("imagetools", "inspect", "--raw", tag)
    return dict(json.loads(done.stdout)) if done and done.returncode == 0 else None


def registry_layers(tag: str) -> tuple[str, ...]:
    """Return the diffIDs of the image, or of any platform's, that *tag* names in its registry.

    None at all where the registry has no such image.
    """
    done = _ask("imagetools", "inspect", "--format={{json .Image}}", tag)
    said = json.loads(done.stdout) if done and done.returncode == 0 else None
    images = [said] if said and "rootfs" in said else list((said or {}).values())
    return tuple(layer for image in images for layer in image["rootfs"].get("diff_ids") or ())


def _command(request: BuildRequest, directory: Path, output: str = "") -> list[str]:
    dockerfile = directory / "Dockerfile"
    dockerfile.write_text(request.dockerfile, encoding="utf-8")
    if request.dockerignore is not None:
        ignore = Path(f"{dockerfile}.dockerignore")
        ignore.write_text(request.dockerignore, "utf-8", "surrogateescape")
    command = ["docker", "buildx", "build", "--progress=rawjson", f"--file={dockerfile}"]
    # An attestation would make an index of the image, and its digest new with every build.
    command.append("--provenance=false")
    command += [f"--builder={request.builder}"] if request.builder else []
    command += [f"--build-context={name}={place}" for name, place in request.contexts.items()]
    command += [f"--target={request.target}"] if request.target else []
    command += [f"--build-arg={argument}" for argument in request.build_args]
    command += [f"--secret={secret}" for secret in request.secrets]
    command += [f"--cache-from={cache}" for cache in request.cache_from]
    command += [f"--platform={','.join(request.platforms)}"] if request.platforms else []
    command += [] if output else [f"--tag={tag}" for tag in request.tags]
    return command + ([f"--output={output}"] if output else _once(request))


def _once(request: BuildRequest) -> list[str]:
    """Return the flags of the build itself, which reading its result again does not want."""
    flags = [f"--cache-to={cache}" for cache in request.cache_to]
    flags += ["--no-cache"] if request.no_cache else []
    flags += ["--pull"] if request.pull else []
    if request.export:
        return [*flags, f"--output=type=local,dest={request.export}"]
    return [*flags, "--push" if request.push else "--load"]


def _run(command: list[str]) -> Iterator[Event]:
    words: list[str] = []
    with _process(command) as process:
        assert process.stderr is not None
        for message in split_json(process.stderr):
            if isinstance(message, str):
                words.append(message)
            else:
                yield from from_json(message)
        if process.wait() != 0:
            raise _failure(words)


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Run *command*, and see it end however the block ends."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(_GRACE)
                except subprocess.TimeoutExpired:
                    process.kill()


def _failure(words: list[str]) -> BuildstaticError:
    """Return the error that buildx ended with, by its last line."""
    said = [word.strip() for word in words if word.strip()]
    last = next((w for w in reversed(said) if w.startswith("ERROR:")), said[-1] if said else "")
    reason = last.removeprefix("ERROR:").strip().rstrip(".") or "it said nothing"
    lower = reason.lower()
    if "permission denied" in lower and "docker" in lower and "sock" in lower:
        advice = "Add yourself to the docker group (sudo usermod -aG docker $USER)."
        return EngineUnusable(f"The Docker engine does not let you in: {reason}.", advice)
    if "cannot connect to the docker daemon" in lower:
        return EngineNotFound(f"No Docker engine answers: {reason}.", "Start Docker.")
    if "unknown flag: link" in lower or "unknown flag: --link" in lower:
        return EngineUnusable(f"The builder does not know COPY --link: {reason}.", "Upgrade it.")
    if any(phrase in lower for phrase in _BEYOND):
        advice = "`docker buildx create --driver docker-container --use` makes a builder that can."
        return UnsupportedByBuilder(f"The builder cannot do that: {reason}.", advice)
    return EngineFailed(f"The build failed: {reason}.")


def _ask(*words: str) -> subprocess.CompletedProcess[str] | None:
    """Return what buildx says to *words*, None where there is no docker command."""
    command = ["docker", "buildx", *words]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except (FileNotFoundError, PermissionError):
        return None
