"""The static layer of a real image, in the engine's store, a builder's own, and a registry."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.builders import buildx
from buildstatic.builders.base import BuildRequest
from buildstatic.oci.layer_lookup import layers_of
from buildstatic.oci.saved_image import read_saved_images
from buildstatic.oci.static_layer import Image, find_static_layer
from tests.oci.scratch import build_image, engine_image

if TYPE_CHECKING:
    from docker import DockerClient

DOCKERFILE = """\
FROM scratch AS static
COPY *.css /layer/app/staticfiles/
FROM scratch
WORKDIR /app
COPY *.py /app/
COPY --link --from=static /layer/ /
"""

pytestmark = pytest.mark.engine


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a.css", "b.css", "manage.py"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_an_image_is_read_by_its_tag_and_by_its_id(
    engine: DockerClient, tag: Callable[[str], str], root: Path
) -> None:
    name = tag("identify")
    built = build_image(engine, root, name, DOCKERFILE)
    assert built.platform.startswith("linux/")
    assert built.working_dir == "/app"
    assert engine_image(engine, str(engine.images.get(name).id)) == built
    layer = find_static_layer(built, "staticfiles")
    assert (layer.path, layer.files, layer.bytes) == ("/app/staticfiles", 2, 10)
    assert layer.diff_id == built.layers[-1].diff_id


def test_the_layers_of_before_are_those_under_the_tag_and_none_without_an_image(
    engine: DockerClient, tag: Callable[[str], str], root: Path
) -> None:
    name = tag("before")
    assert layers_of(engine, name) == ()
    built = build_image(engine, root, name, DOCKERFILE)
    assert layers_of(engine, name) == tuple(layer.diff_id for layer in built.layers)


def test_buildx_and_the_api_make_the_same_static_layer(
    engine: DockerClient, tag: Callable[[str], str], root: Path
) -> None:
    one = build_image(engine, root, tag("by-api"), DOCKERFILE)
    request = BuildRequest(root, DOCKERFILE, tags=(tag("by-buildx"),))
    for _ in buildx.run(request):
        pass
    other = engine_image(engine, tag("by-buildx"))
    layers = [find_static_layer(image, "staticfiles") for image in (one, other)]
    assert layers[0] == layers[1]


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the second engine, whose builder writes OCI archives and pushes to the registry."""
    if "BUILDSTATIC_SECOND_ENGINE" not in os.environ:
        pytest.skip("BUILDSTATIC_SECOND_ENGINE names no engine with the containerd store.")
    monkeypatch.setenv("DOCKER_HOST", os.environ["BUILDSTATIC_SECOND_ENGINE"])


def pushed(root: Path, platforms: tuple[str, ...]) -> tuple[BuildRequest, tuple[Image, ...]]:
    name = "127.0.0.1:5000/buildstatic-tests/identify:" + "-".join(platforms).replace("/", "-")
    request = BuildRequest(root, DOCKERFILE, tags=(name,), platforms=platforms, push=True)
    for _ in buildx.run(request):
        pass
    archive = root / "image.tar"
    for _ in buildx.save_oci(request, archive):
        pass
    with archive.open("rb") as stream:
        return request, read_saved_images(stream)


@pytest.mark.usefixtures("second")
def test_every_platform_of_a_builder_has_the_same_static_layer(root: Path) -> None:
    _, images = pushed(root, ("linux/amd64", "linux/arm64"))
    assert [image.platform for image in images] == ["linux/amd64", "linux/arm64"]
    one, other = (find_static_layer(image, "staticfiles") for image in images)
    assert one == other
    assert one.digest not in (None, one.diff_id)


@pytest.mark.usefixtures("second")
def test_the_digest_is_that_of_the_blob_in_the_registry(root: Path) -> None:
    request, (image,) = pushed(root, ("linux/amd64",))
    layer = find_static_layer(image, "staticfiles")
    manifest = buildx.registry_manifest(request.tags[0])
    assert manifest is not None
    unknown = replace(layer, digest=None)
    diff_ids = [each.diff_id for each in image.layers]
    found = buildx.with_registry_digest(unknown, diff_ids, request.tags[0])
    assert found.digest == manifest["layers"][-1]["digest"] == layer.digest
    assert buildx.with_registry_digest(layer, diff_ids, "never-asked") == layer
    assert buildx.with_registry_digest(unknown, diff_ids[1:], request.tags[0]).digest is None
