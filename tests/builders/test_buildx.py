"""buildx: found, asked which builder it has, and understood when it refuses."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from buildstatic.builders import buildx
from buildstatic.builders.base import BuildRequest
from buildstatic.builders.choose import choose_builder
from buildstatic.builders.progress import Progress
from buildstatic.errors import EngineNotFound, UnsupportedByBuilder
from buildstatic.oci.saved_image import read_saved_images
from buildstatic.oci.static_layer import find_static_layer
from tests.oci.tiny import DOCKERFILE, second_engine, tiny

if TYPE_CHECKING:
    from docker import DockerClient


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny(tmp_path / "tiny")


@pytest.fixture
def docker_command() -> None:
    if not buildx.is_available():
        pytest.skip("There is no docker command with buildx.")


def command(directory: Path, script: str) -> Path:
    """Put a ``docker`` into *directory* that is the shell *script*."""
    directory.mkdir()
    program = directory / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return directory


@pytest.mark.parametrize(
    ("script", "is_available"),
    [
        pytest.param("echo github.com/docker/buildx v0.13.0 0de5f1c", True, id="oldest"),
        pytest.param("echo github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3", True, id="debian"),
        pytest.param("echo github.com/docker/buildx v1.0.2", True, id="next"),
        pytest.param("echo github.com/docker/buildx v0.12.1 30feaa1", False, id="older"),
        pytest.param(
            "echo docker: \"'buildx' is not a docker command\" >&2; exit 1", False, id="no"
        ),
    ],
)
def test_a_buildx_without_the_progress_that_is_read_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, is_available: bool
) -> None:
    monkeypatch.setenv("PATH", f"{command(tmp_path / 'bin', script)}:/usr/bin:/bin")
    assert buildx.is_available() == is_available


def test_without_a_docker_command_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not buildx.is_available()
    with pytest.raises(EngineNotFound, match="no docker command"):
        buildx.driver_of(None)


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_the_builder_in_use_has_a_driver_and_another_name_has_none() -> None:
    assert buildx.driver_of(None) == buildx.ENGINE_DRIVER
    with pytest.raises(EngineNotFound, match=r'finds no builder nobody: no builder "nobody" found'):
        buildx.driver_of("nobody")


@pytest.mark.usefixtures("docker_command")
def test_a_builder_whose_engine_does_not_answer_is_the_engines_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    assert buildx.driver_of(None) == buildx.ENGINE_DRIVER


@pytest.mark.engine
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"platforms": ("linux/amd64", "linux/arm64")}, id="several-platforms"),
        pytest.param({"cache_to": ("type=registry,ref=127.0.0.1:5000/cache",)}, id="cache"),
    ],
)
def test_what_only_another_builder_can_do_is_refused_with_how_to_get_one(
    root: Path, options: dict[str, Any], tag: Callable[[str], str], engine: DockerClient
) -> None:
    if engine.info()["Driver"] != "overlay2":
        pytest.skip("With the containerd image store the engine's own builder can.")
    request = BuildRequest(root, DOCKERFILE, tags=(tag("beyond"),), **options)
    with pytest.raises(UnsupportedByBuilder) as failure:
        choose_builder(request).build(request, lambda *_: None)
    assert failure.value.problem.startswith("The builder does not support this: ")
    assert failure.value.problem.endswith(".")
    assert "docker buildx create --driver docker-container --use" in failure.value.advice


def test_an_image_in_a_store_of_the_builders_own_is_read_from_its_archive(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", second_engine())
    request = BuildRequest(root, DOCKERFILE, tags=(f"buildstatic-tests:{uuid.uuid4().hex}",))
    archive = tmp_path / "image.tar"
    progress = Progress()
    for event in buildx.save_oci(request, archive):
        progress.add(event)
    assert {stage.name for stage in progress.stages()} == {"static", "stage-1"}
    with archive.open("rb") as stream:
        (image,) = read_saved_images(stream)
    layer = find_static_layer(image, "staticfiles")
    assert (layer.path, layer.files) == ("/app/staticfiles", 2)
    assert layer.digest
    assert layer.digest != layer.diff_id
