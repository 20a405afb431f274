"""Runs ``docker buildx build``, and yields the events of the build."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

from buildstatic.builders.base import BuildRequest
from buildstatic.builders.buildx_events import from_json, split_json
from buildstatic.builders.events import Built, Event
from buildstatic.errors import (
    BuildstaticError,
    EngineFailed,
    EngineNotFound,
    EngineUnusable,
    UnsupportedByBuilder,
)

_TERMINATE_TIMEOUT = 10  # seconds
_UNSUPPORTED = (
    "multi-platform",
    "multiple platforms",
    "not supported",
    "does not currently support",
)


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
                    yield from from_json(message)
            if process.wait() != 0:
                raise _failure(text)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(_TERMINATE_TIMEOUT)
                except subprocess.TimeoutExpired:
                    process.kill()


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
