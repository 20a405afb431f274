"""The images and containers of the platform tests."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.engine import build, once
from tests.samples import copy

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container


def services(shared: Path, tag: str) -> dict[str, Any]:
    """Build the project ``services`` once per run; return the tag of its image and the output."""

    def make() -> dict[str, Any]:
        root = copy("services", shared)
        return {**asdict(build(root, tag)), "root": str(root)}

    found: dict[str, Any] = once(shared, "image-services", make)
    return found


def put(container: Container, directory: str, files: Mapping[str, str]) -> None:
    """Write *files*, by their names, into *directory* of *container*."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    container.put_archive(directory, stream.getvalue())


def run(container: Container, *argv: str, fails: bool = False, **environment: str) -> str:
    """Run *argv* in *container* and return its output; its failure fails the test."""
    status, output = container.exec_run(list(argv), environment=environment)
    assert isinstance(output, bytes)
    assert bool(status) is fails, f"{argv}: {status}\n{output.decode()}"
    return output.decode()


@contextmanager
def idle(client: DockerClient, image: str, **options: Any) -> Iterator[Container]:
    """Run *image* idle, and remove the container at the end."""
    options = {"detach": True, "entrypoint": ["sleep", "3600"], "command": [], **options}
    container: Container = client.containers.run(image, **options)
    try:
        yield container
    finally:
        container.remove(force=True, v=True)
