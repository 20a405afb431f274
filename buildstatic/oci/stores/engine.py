"""Images in the store of the local Docker engine, by its API: saved to a file, loaded from one."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from buildstatic.errors import BuildstaticError, EngineFailed, ImageNotFound, ImageReferenceInvalid
from buildstatic.oci.documents import platform_name
from buildstatic.oci.engine import connect, failures, uses_containerd
from buildstatic.oci.reference import EngineReference
from buildstatic.oci.stores.archive import ArchiveSource, open_archive
from buildstatic.oci.stores.archive_writer import ArchiveTarget

if TYPE_CHECKING:
    from docker import DockerClient


def has_image(reference: EngineReference) -> bool:
    """Tell whether an engine answers, and has the image."""
    from docker.errors import APIError

    try:
        with closing(connect()) as client:
            client.images.get(reference.name)
    except (BuildstaticError, APIError, OSError):
        return False
    return True


@contextmanager
def read_engine(reference: EngineReference) -> Iterator[ArchiveSource]:
    """Yield the image of *reference*, saved to a temporary file.

    Raises ImageNotFound, and what `buildstatic.oci.engine.connect` raises.
    """
    with tempfile.TemporaryDirectory(prefix="buildstatic-") as directory:
        file = Path(directory, "image.tar")
        with closing(connect()) as client:
            _save(client, reference, file)
        with open_archive(file, reference, None) as source:
            yield source


@contextmanager
def write_engine(reference: EngineReference) -> Iterator[ArchiveTarget]:
    """Yield what writes *reference* to a temporary file, loaded where the block succeeds.

    Raises ImageReferenceInvalid where that is an id or a digest.
    """
    if "sha256:" in reference.name:
        problem = f"{reference} names a digest, and an image to be written has none yet."
        raise ImageReferenceInvalid(problem, "Name a tag.")
    with (
        closing(connect()) as client,
        tempfile.TemporaryDirectory(prefix="buildstatic-") as directory,
    ):
        file = Path(directory, "image.tar")
        with tarfile.open(file, "w") as archive:
            yield ArchiveTarget(reference, archive, reference.name, _platform(client))
        _load(client, file)


def _save(client: DockerClient, reference: EngineReference, file: Path) -> None:
    from docker.errors import ImageNotFound as Missing

    with failures():
        try:
            name = client.images.get(reference.name)
        except Missing as error:
            advice = "Is it built or pulled? `docker images` lists what there is."
            problem = f"{reference}: the engine has no such image."
            raise ImageNotFound(problem, advice) from error
        with file.open("wb") as output:
            for chunk in client.api.get_image(name.id or reference.name):
                output.write(chunk)


def _load(client: DockerClient, file: Path) -> None:
    with failures(), file.open("rb") as content:
        for line in client.api.load_image(content):  # type: ignore[no-untyped-call]
            if "error" in line:
                raise EngineFailed(f"The Docker engine does not load the image: {line['error']}.")


def _platform(client: DockerClient) -> str | None:
    """Return the engine's platform, None where its store is containerd's, which takes any."""
    with failures():
        if uses_containerd(client):
            return None
        version = client.version()
    return platform_name({"os": version["Os"], "architecture": version["Arch"]})
