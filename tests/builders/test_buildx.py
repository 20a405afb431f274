"""buildx: its version, driver, progress and errors, and images in a builder's own store."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from buildstatic.builders import buildx_build, buildx_queries, choose_builder, engine_api
from buildstatic.builders.base import BuildOptions, BuildRequest
from buildstatic.builders.buildx_events import from_json, split_json
from buildstatic.builders.events import Event, StepOutput, Vertex
from buildstatic.builders.follow import follow
from buildstatic.builders.progress import Progress, stage_of
from buildstatic.errors import EngineNotFound, UnsupportedByBuilder
from buildstatic.oci.documents import is_attestation
from buildstatic.oci.layer_lookup import find_static_layer
from buildstatic.oci.saved_images import read_saved_images
from tests.oci.tiny import DOCKERFILE, registry, second_engine, tiny

if TYPE_CHECKING:
    from docker import DockerClient


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny(tmp_path / "tiny")


@pytest.fixture
def docker_command() -> None:
    if not buildx_queries.is_available():
        pytest.skip("There is no docker command with buildx.")


@pytest.mark.parametrize(
    ("script", "is_available"),
    [
        pytest.param("echo github.com/docker/buildx v0.13.0 0de5f1c", True, id="oldest"),
        pytest.param("echo github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3", True, id="debian"),
        pytest.param("echo github.com/docker/buildx v1.0.2", True, id="next"),
        pytest.param("echo github.com/docker/buildx v0.12.1 30feaa1", False, id="older"),
        pytest.param(
            "echo docker: \"'buildx' is not a docker command\" >&2; exit 1", False, id="none"
        ),
    ],
)
def test_buildx_version_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, is_available: bool
) -> None:
    program = tmp_path / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert buildx_queries.is_available() == is_available


def test_missing_docker_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not buildx_queries.is_available()
    with pytest.raises(EngineNotFound, match="no docker command"):
        buildx_queries.driver_of(None)


@pytest.mark.usefixtures("docker_command")
def test_driver_of_builders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    assert buildx_queries.driver_of(None) == buildx_queries.ENGINE_DRIVER
    with pytest.raises(EngineNotFound, match=r'finds no builder nobody: no builder "nobody" found'):
        buildx_queries.driver_of("nobody")


def test_json_times_have_nanoseconds_and_zones() -> None:
    vertex = {
        "digest": "sha256:1",
        "name": "x",
        "started": "2026-01-01T00:00:00.123456789Z",
        "completed": "2026-01-01T01:00:00+01:00",
    }
    log = {"vertex": "sha256:1", "data": base64.b64encode("é".encode()).decode()}
    status = {"vertexes": [vertex], "statuses": [{"id": "y"}], "logs": [log, {"vertex": "z"}]}
    assert list(from_json(status)) == [
        Vertex(
            "sha256:1",
            "x",
            datetime(2026, 1, 1, 0, 0, 0, 123_456, UTC),
            datetime(2026, 1, 1, tzinfo=UTC),
        ),
        StepOutput("sha256:1", "é"),
        StepOutput("z", ""),
    ]


@pytest.mark.parametrize("indent", [None, 2])
def test_json_messages_and_text_on_one_stream(indent: int | None) -> None:
    messages = [{"vertexes": [{"digest": "1", "name": "} {"}]}, {}, {"logs": []}]
    written = [json.dumps(message, indent=indent) for message in messages]
    text = ["WARNING: x", *written[:2], "------", written[2], " > {not json}", "ERROR: y", ""]
    assert list(split_json("\n".join(text).splitlines(keepends=True))) == [
        "WARNING: x",
        *messages[:2],
        "------",
        messages[2],
        " > {not json}",
        "ERROR: y",
    ]


TRACED = """\
FROM python:3.13-slim AS static
RUN echo żółw; printf '{unique}'
FROM scratch AS web
COPY --link --from=static /etc/debian_version /
"""


def summary(events: Iterable[Event]) -> tuple[set[str], str, dict[str, bool]]:
    """Return the steps of the stages, their output, and the stages with whether they were cached.

    Without the steps of base images: builds that run at the same time share those, and their names.
    """
    progress = Progress(frozenset({"static", "web"}))
    for event in events:
        progress.add(event)
    steps = [v for v in progress.vertices.values() if stage_of(v) and " FROM " not in v.name]
    assert all(v.started and v.completed and v.started <= v.completed for v in steps)
    output = "".join(text for v in steps for text in progress.output[v.digest])
    stages = {s.name: s.cached for s in progress.stages()}
    return {v.name for v in steps}, output, stages


@pytest.mark.engine
def test_engine_api_and_buildx_report_the_same_events(
    engine: DockerClient, tag: Callable[[str], str], tmp_path: Path
) -> None:
    unique = uuid.uuid4().hex
    dockerfile = TRACED.replace("{unique}", unique)
    fresh = BuildRequest(tmp_path, dockerfile, BuildOptions((tag("trace"),), no_cache=True))
    steps, output, stages = summary(engine_api.run(engine, fresh))
    assert summary(buildx_build.run(fresh)) == (steps, output, stages)
    assert steps == {
        f"[static 2/2] RUN echo żółw; printf '{unique}'",
        "[web 1/1] COPY --link --from=static /etc/debian_version /",
    }
    assert output == f"żółw\n{unique}"
    assert stages == {"static": False, "web": False}

    again = replace(fresh, options=replace(fresh.options, no_cache=False))
    for events in (engine_api.run(engine, again), buildx_build.run(again)):
        assert summary(events) == (steps, "", {"static": True, "web": True})


@pytest.mark.engine
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"platforms": ("linux/amd64", "linux/arm64")}, id="several-platforms"),
        pytest.param({"cache_to": ("type=registry,ref=127.0.0.1:5000/cache",)}, id="cache"),
        pytest.param({"provenance": True}, id="provenance"),
        pytest.param({"sbom": True}, id="sbom"),
    ],
)
def test_unsupported_options_advise_another_builder(
    root: Path, options: dict[str, Any], tag: Callable[[str], str], engine: DockerClient
) -> None:
    if engine.info()["Driver"] != "overlay2":
        pytest.skip("With the containerd image store the engine's own builder supports them.")
    request = BuildRequest(root, DOCKERFILE, BuildOptions((tag("beyond"),), **options))
    with pytest.raises(UnsupportedByBuilder) as failure:
        choose_builder(request).build(request, lambda *_: None)
    assert failure.value.problem.startswith("The builder does not support this: ")
    assert failure.value.problem.endswith(".")
    assert "docker buildx create --driver docker-container --use" in failure.value.advice


@pytest.mark.engine
@pytest.mark.parametrize(
    ("platforms", "provenance"),
    [("linux/amd64", True), ("linux/amd64,linux/arm64", False)],
)
def test_digest_in_the_registry_is_that_of_the_builders_store(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    platforms: str,
    provenance: bool,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", second_engine())
    name = f"{registry()}/buildstatic-tests/pushed:{len(platforms)}"
    all_platforms = tuple(platforms.split(","))
    options = BuildOptions((name,), platforms=all_platforms, push=True, provenance=provenance)
    request = BuildRequest(root, DOCKERFILE, options)
    follow(buildx_build.run(request), request, lambda *_: None)
    archive = tmp_path / "image.tar"
    progress = Progress()
    for event in buildx_build.save_oci(request, archive):
        progress.add(event)
    assert {*(stage_of(vertex) for vertex in progress.vertices.values()), ""} == {
        "static",
        "stage-1",
        "",
    }
    with archive.open("rb") as stream:
        images = read_saved_images(stream)
    assert tuple(image.platform for image in images) == all_platforms
    (layer,) = {find_static_layer(image, "staticfiles") for image in images}
    assert (layer.path, layer.files) == ("/app/staticfiles", 2)
    assert layer.digest not in (None, layer.diff_id)
    assert buildx_queries.registry_digest(name, layer.diff_id) == layer.digest
    assert buildx_queries.registry_digest(name, "sha256:0") is None
    assert layer.diff_id in buildx_queries.registry_layers(name)
    index = buildx_queries._inspect(name, "--raw")
    assert any(map(is_attestation, index.get("manifests", ()))) == provenance
