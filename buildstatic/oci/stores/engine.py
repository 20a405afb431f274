"""Images in the local Docker engine, which are saved to a file and loaded from one."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from buildstatic.errors import BuildstaticError, EngineFailed, ImageNotFound, ImageReferenceInvalid
from buildstatic.oci.documents import platform_name
from buildstatic.oci.engine import connect, failures, uses_containerd
from buildstatic.oci.reference import EngineReference
from buildstatic.oci.stores.archive import ArchiveSource, ArchiveTarget, open_archive


def has_image(reference: EngineReference) -> bool:
    """Return whether an engine responds and has the image."""
    from docker.errors import APIError

    try:
        with closing(connect()) as client:
            client.images.get(reference.name)
    except (BuildstaticError, APIError, OSError):
        return False
    return True


def replace_tags(image: EngineReference, tags: Iterable[str], replaced: str | None) -> str:
    """Give *image* the names *tags*, too, and return its ID.

    The image with the ID *replaced*, which had these names, is removed if nothing uses it.
    """
    from docker.errors import APIError

    with closing(connect()) as client, failures():
        found = client.images.get(image.name)
        for tag in tags:
            found.tag(tag)
        if replaced and replaced != found.id:
            # Another tag, a container or another image may need it.
            with suppress(APIError):
                client.images.remove(replaced)
        return str(found.id)


@contextmanager
def read_engine(reference: EngineReference) -> Iterator[ArchiveSource]:
    """Yield the image of *reference*, saved to a temporary file.

    Raises ImageNotFound, and what `buildstatic.oci.engine.connect` raises.
    """
    from docker.errors import ImageNotFound as DockerImageNotFound

    with tempfile.TemporaryDirectory(prefix="buildstatic-") as directory:
        file = Path(directory, "image.tar")
        with closing(connect()) as client, failures():
            try:
                image = client.images.get(reference.name)
            except DockerImageNotFound as error:
                problem = f"{reference}: the engine has no such image."
                advice = "Build or pull it; `docker images` lists the available ones."
                raise ImageNotFound(problem, advice) from error
            with file.open("wb") as output:
                for chunk in client.api.get_image(image.id or reference.name):
                    output.write(chunk)
        with open_archive(file, reference, None) as source:
            yield source


@contextmanager
def write_engine(reference: EngineReference) -> Iterator[ArchiveTarget]:
    """Yield a writer of *reference* to a temporary file, which is loaded if the block succeeds.

    Raises ImageReferenceInvalid for an ID or a digest, EngineFailed if loading fails.
    """
    if "sha256:" in reference.name:
        problem = f"Cannot write to {reference}: the digest of a new image is not known yet."
        raise ImageReferenceInvalid(problem, "Use a tag.")
    with (
        closing(connect()) as client,
        tempfile.TemporaryDirectory(prefix="buildstatic-") as directory,
    ):
        with failures():
            # The containerd image store accepts any number of platforms.
            platform = None
            if not uses_containerd(client):
                version = client.version()
                platform = platform_name({"os": version["Os"], "architecture": version["Arch"]})
        file = Path(directory, "image.tar")
        with tarfile.open(file, "w") as archive:
            yield ArchiveTarget(reference, archive, reference.name, platform)
        with failures(), file.open("rb") as content:
            for line in client.api.load_image(content):  # type: ignore[no-untyped-call]
                if "error" in line:
                    raise EngineFailed(f"The engine cannot load the image: {line['error']}.")
