"""BuildKit's progress says the same in both of its encodings."""

from __future__ import annotations

import base64
import json
import subprocess
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from buildstatic.builders import buildx, engine_api
from buildstatic.builders.base import BuildRequest, Event, Output, Vertex
from buildstatic.builders.buildx import from_json, split_json
from buildstatic.builders.engine_api import from_protobuf
from buildstatic.builders.progress import Progress, stage_name

if TYPE_CHECKING:
    from docker import DockerClient

DOCKERFILE = """\
FROM python:3.13-slim AS static
RUN echo żółw; printf '{unique}'
FROM scratch AS web
COPY --link --from=static /etc/debian_version /
"""


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def field(number: int, value: bytes | str | int) -> bytes:
    """Encode one field of a protobuf message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def test_a_vertex_in_protobuf_is_read_field_by_field() -> None:
    started = field(1, 1_767_225_600) + field(2, 500_000_000)
    vertex = b"".join(
        [
            field(1, "sha256:1"),
            field(2, "sha256:0"),
            field(2, "sha256:9"),
            field(3, "[static 1/1] RUN é"),
            field(4, 1),
            field(5, started),
            field(6, field(1, 1_767_225_601)),
            field(7, "it failed"),
        ]
    )
    log = field(1, "sha256:1") + field(3, 1) + field(4, b"caf\xc3\xa9 \xff\n")
    assert list(from_protobuf(field(1, vertex) + field(2, b"ignored") + field(3, log))) == [
        Vertex(
            "sha256:1",
            "[static 1/1] RUN é",
            datetime(2026, 1, 1, 0, 0, 0, 500_000, UTC),
            datetime(2026, 1, 1, 0, 0, 1, 0, UTC),
            True,
            "it failed",
        ),
        Output("sha256:1", "café �\n"),
    ]


def test_what_is_absent_in_protobuf_has_not_happened() -> None:
    vertex = field(1, "sha256:1") + field(3, "x")
    assert list(from_protobuf(field(1, vertex))) == [Vertex("sha256:1", "x")]
    assert list(from_protobuf(b"")) == []


def test_json_is_read_with_nanoseconds_and_zones() -> None:
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
        Output("sha256:1", "é"),
        Output("z", ""),
    ]


@pytest.mark.parametrize("indent", [None, 2])
def test_messages_and_words_on_one_stream_are_told_apart(indent: int | None) -> None:
    messages = [{"vertexes": [{"digest": "1", "name": "} {"}]}, {}, {"logs": []}]
    said = [json.dumps(message, indent=indent) for message in messages]
    text = "\n".join(["WARNING: x", *said[:2], "------", said[2], " > {not json}", "ERROR: y", ""])
    assert list(split_json(text.splitlines(keepends=True))) == [
        "WARNING: x",
        *messages[:2],
        "------",
        messages[2],
        " > {not json}",
        "ERROR: y",
    ]


def told(events: Iterable[Event]) -> tuple[set[str], str, dict[str, bool]]:
    """Return the steps of our stages, what they printed, and whether the stages were cached.

    Builds that run at the same time share the step of a common base, and its name.
    """
    build = Progress()
    for event in events:
        build.add(event)
    steps = [v for v in build.vertices.values() if stage_name(v) and " FROM " not in v.name]
    assert all(v.started and v.completed and v.started <= v.completed for v in steps)
    output = "".join(text for v in steps for text in build.output[v.digest])
    stages = {s.name: s.cached for s in build.stages() if s.name in ("static", "web")}
    return {v.name for v in steps}, output, stages


@pytest.mark.engine
def test_the_api_and_buildx_tell_the_same_of_one_build(
    engine: DockerClient, tag: Callable[[str], str], tmp_path: Path
) -> None:
    unique = uuid.uuid4().hex
    dockerfile = DOCKERFILE.replace("{unique}", unique)
    fresh = BuildRequest(tmp_path, dockerfile, tags=(tag("trace"),), no_cache=True)
    steps, output, stages = told(engine_api.run(engine, fresh))
    assert told(buildx.run(fresh)) == (steps, output, stages)
    assert steps == {
        f"[static 2/2] RUN echo żółw; printf '{unique}'",
        "[web 1/1] COPY --link --from=static /etc/debian_version /",
    }
    assert output == f"żółw\n{unique}"
    assert stages == {"static": False, "web": False}

    again = replace(fresh, no_cache=False)
    for events in (engine_api.run(engine, again), buildx.run(again)):
        assert told(events) == (steps, "", {"static": True, "web": True})


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_a_real_trace_of_buildx_is_messages_and_then_the_words_of_its_failure(
    tmp_path: Path,
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.13-slim AS static\nRUN echo '{'; exit 3\n")
    command = ["docker", "buildx", "build", "--progress=rawjson", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    parts = list(split_json(done.stderr.splitlines(keepends=True)))
    failed = [event for event in _events(parts) if isinstance(event, Vertex) and event.error]
    assert {vertex.name for vertex in failed} == {"[2/2] RUN echo '{'; exit 3"}
    assert Output(failed[0].digest, "{\n") in list(_events(parts))
    words = [part for part in parts if isinstance(part, str)]
    assert words[-1].startswith("ERROR: failed to solve")


def _events(parts: Iterable[dict[str, Any] | str]) -> Iterator[Event]:
    for part in parts:
        if not isinstance(part, str):
            yield from from_json(part)
