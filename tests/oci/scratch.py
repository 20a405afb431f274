"""Images from scratch, built in a moment by the real engine, and the archives of such images."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from buildstatic.builders import engine_api
from buildstatic.builders.base import BuildOptions, BuildRequest
from buildstatic.oci.layer_lookup import Image
from buildstatic.oci.saved_images import read_saved_images
from buildstatic.oci.stream import stream_chunks

if TYPE_CHECKING:
    from docker import DockerClient

ALL = "FROM scratch\nCOPY . /\n"


def build_image(client: DockerClient, root: Path, tag: str, dockerfile: str = ALL) -> Image:
    """Build *dockerfile* with the context *root* by the engine's API; return the image."""
    for _ in engine_api.run(client, BuildRequest(root, dockerfile, BuildOptions((tag,)))):
        pass
    return engine_image(client, tag)


def engine_image(client: DockerClient, name: str) -> Image:
    """Return the image *name*, a tag or an ID, as `docker save` writes it."""
    (image,) = read_saved_images(stream_chunks(client.api.get_image(name)))
    return image


def sent(root: Path, beside: Path, dockerignore: str | None = None) -> list[str] | None:
    """Return all paths that buildx sends of *root*, None where it refuses the *dockerignore*."""
    dockerfile = beside / "Dockerfile"
    dockerfile.write_text(ALL)
    if dockerignore is not None:
        Path(f"{dockerfile}.dockerignore").write_bytes(os.fsencode(dockerignore))
    out = beside / "out"
    command = [
        "docker",
        "buildx",
        "build",
        f"--file={dockerfile}",
        f"--output=type=local,dest={out}",
    ]
    done = _run_to_its_end([*command, str(root)])
    if done.returncode:
        assert "excludepatterns" in done.stderr, done.stderr
        return None
    return sorted(
        Path(parent, name).relative_to(out).as_posix()
        for parent, directories, files in os.walk(out)
        for name in (*directories, *files)
    )


def _run_to_its_end(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run *command*; again if BuildKit does not say why the client has refused a transfer.

    It may wait for the transfer, or only say that it was canceled.
    """
    for timeout in (30, 60):
        with suppress(subprocess.TimeoutExpired):
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
            if not done.stderr.rstrip().endswith("context canceled"):
                return done
    return subprocess.run(command, capture_output=True, text=True)


def tar(files: Mapping[str, bytes | str]) -> bytes:
    """Return a tar of *files*; a text is where a symlink points, and its type if it is a link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def digest(content: bytes) -> str:
    """Return what a store calls *content*."""
    return f"sha256:{sha256(content).hexdigest()}"


def dump(value: object) -> bytes:
    """Return *value* as JSON."""
    return json.dumps(value).encode()


def read(files: Mapping[str, bytes | str]) -> tuple[Image, ...]:
    """Return the images of the archive that *files* make."""
    return read_saved_images(io.BytesIO(tar(files)))
