"""What ``docker buildx`` reports: its version, its builders, and images in registries."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

from buildstatic.errors import EngineNotFound

# The first version with --progress=rawjson.
OLDEST = (0, 13)
# The driver that puts images into the engine's store. All others have a store of their own.
ENGINE_DRIVER = "docker"
_VERSION = re.compile(r"\bv?(\d+)\.(\d+)\.\d+")
_DRIVER = re.compile(r"^Driver:[ \t]*(\S*)", re.M)


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


def _buildx(*arguments: str) -> subprocess.CompletedProcess[str] | None:
    """Run ``docker buildx`` with *arguments*; return None if there is no docker command."""
    command = ["docker", "buildx", *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except (FileNotFoundError, PermissionError):
        return None
