"""Several platforms on an engine with the containerd image store: one static layer for all."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docker.errors import ImageNotFound

from buildstatic.dockerfile.generate import DockerfileOptions, generate_dockerfile
from buildstatic.project.detect import detect
from tests.oci.tiny import Ran, build, manifest, registry, second_engine, tiny

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.engine

REPOSITORY = "buildstatic-tests/platforms"
BOTH = "linux/amd64,linux/arm64"


@pytest.fixture
def second() -> Iterator[DockerClient]:
    """Return a client of the second engine."""
    from docker import DockerClient

    client = DockerClient(base_url=second_engine(), timeout=120)
    yield client
    client.close()


@pytest.fixture
def there() -> Mapping[str, str]:
    """Return the environment that selects the second engine."""
    return {"DOCKER_HOST": second_engine()}


@pytest.fixture
def reference(second: DockerClient) -> Iterator[str]:
    """Return a unique tag, removed from the second engine at the end."""
    own, names = uuid.uuid4().hex[:8], (f"{registry()}/{REPOSITORY}", "buildstatic-tests")
    yield own
    for name in names:
        remove(second, f"{name}:{own}")


def remove(client: DockerClient, name: str) -> None:
    """Remove the image *name* if it exists."""
    with suppress(ImageNotFound):
        client.images.remove(name, force=True)


def generated(root: Path) -> str:
    """Return the Dockerfile for several platforms, its final stage from scratch.

    The builder cannot run programs of another platform, so the stages that the static ones do not
    need are omitted.
    """
    text = generate_dockerfile(
        detect(root, environ={}), DockerfileOptions(("true",), multi_platform=True)
    ).text
    start, end = text.index("FROM --platform=$BUILDPLATFORM"), text.index("FROM runtime AS web")
    (copy,) = [line for line in text[end:].splitlines() if line.startswith("COPY --link")]
    return f"{text[start:end]}FROM scratch AS web\nWORKDIR /app\n{copy}\n"


def test_all_platforms_share_the_static_layer(
    tmp_path: Path, there: Mapping[str, str], reference: str
) -> None:
    root = tiny(tmp_path / "tiny", None)
    (root / "Dockerfile").write_text(generated(root))
    name = f"{registry()}/{REPOSITORY}:{reference}"
    static = build(
        root, "--tag", name, "--platform", BOTH, "--push", "--json", environ=there
    ).report["static"]
    layers = layers_by_platform(reference)
    assert set(layers) == {"linux/amd64", "linux/arm64"}
    assert [static["digest"] in digests for digests in layers.values()] == [True, True]
    assert static["files"] == 2


def layers_by_platform(reference: str) -> dict[str, list[str]]:
    found = {}
    for entry in manifest(REPOSITORY, reference)["manifests"]:
        platform = f"{entry['platform']['os']}/{entry['platform']['architecture']}"
        layers = manifest(REPOSITORY, entry["digest"])["layers"]
        found[platform] = [layer["digest"] for layer in layers]
    return found


@pytest.mark.parametrize("named", [True, False], ids=["tag", "no-tag"])
def test_id_is_that_of_the_engine(
    tmp_path: Path, there: Mapping[str, str], second: DockerClient, named: bool
) -> None:
    root = tiny(tmp_path / "tiny", files={"static/js/site.js": f"/* {uuid.uuid4()} */"})
    name = f"buildstatic-tests:{uuid.uuid4().hex[:8]}"
    options = ("--tag", name) if named else ()
    report = build(root, *options, "--json", environ=there).report
    try:
        image = second.images.get(report["id"])
        assert image.id == report["id"]
        assert report["static"]["diff_id"] in image.attrs["RootFS"]["Layers"]
        if named:
            assert image.tags == [name]
    finally:
        remove(second, name if named else report["id"])


@pytest.mark.usefixtures("engine")
def test_registry_cache_is_shared_by_engines(
    tmp_path: Path, there: Mapping[str, str], reference: str, tag: Callable[[str], str]
) -> None:
    root = tiny(tmp_path / "tiny", files={"static/js/site.js": f"/* {uuid.uuid4()} */"})
    cache = f"type=registry,ref={registry()}/{REPOSITORY}:{reference}-cache"
    options = ("--tag", f"buildstatic-tests:{reference}", "--json", "--cache-to")
    made = build(root, *options, f"{cache},mode=max", environ=there)
    assert not static_is_cached(made)

    # The first engine has never seen these files.
    name = tag("from-cache")
    found = build(root, "--tag", name, "--json", "--cache-from", cache)
    assert static_is_cached(found)
    assert found.report["static"]["diff_id"] == made.report["static"]["diff_id"]


def static_is_cached(ran: Ran) -> bool:
    (cached,) = [stage["cached"] for stage in ran.report["stages"] if stage["name"] == "static"]
    assert isinstance(cached, bool)
    return cached
