"""Events folded into stages: their time, if they were cached, and the step that failed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.builders import buildx_build, engine_api
from buildstatic.builders.base import BuildOptions, BuildRequest
from buildstatic.builders.events import Built, Event, StepOutput, Vertex
from buildstatic.builders.follow import LAST_LINES, find_failure, follow
from buildstatic.builders.progress import (
    Progress,
    Stage,
    Step,
    instruction_of,
    seconds,
    stage_of,
)
from buildstatic.errors import StageFailed

if TYPE_CHECKING:
    from docker import DockerClient

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
RUN = 'process "/bin/sh -c x" did not complete successfully: exit code: 1'


def step(
    name: str,
    start: float | None = None,
    end: float | None = None,
    *,
    cached: bool = False,
    error: str = "",
) -> Vertex:
    """Return the state of the step *name*, which ran from *start* to *end*."""
    started, completed = (
        None if second is None else BEGIN + timedelta(seconds=second) for second in (start, end)
    )
    return Vertex(name, name, started, completed, cached, error)


def progress_of(*events: Event) -> Progress:
    progress = Progress(frozenset({"never", "static", "web"}))
    for event in events:
        progress.add(event)
    return progress


@pytest.mark.parametrize(
    ("name", "stage", "instruction"),
    [
        ("[static 2/5] RUN make", "static", "RUN make"),
        ("[static  2/11] RUN make", "static", "RUN make"),
        ("[linux/amd64 static 2/5] COPY . .", "static", "COPY . ."),
        ("[linux/arm/v7 static 2/5] COPY . .", "static", "COPY . ."),
        ("[linux/amd64->arm64 web 1/1] FROM x", "web", "FROM x"),
        ("[auth 1/2] RUN true", "auth", "RUN true"),
        ("[stage-1 1/2] FROM x", "stage-1", "FROM x"),
        (
            "[web 1/2] RUN --network=none --mount=type=cache,target=/x   make \\\n  all",
            "web",
            "RUN make \\ all",
        ),
        ("[2/3] RUN true", "", "RUN true"),
        ("[internal] load build context", "", "load build context"),
        ("[linux/amd64 internal] load metadata for x", "", "load metadata for x"),
        ("[auth] library/python:pull token for x", "", "library/python:pull token for x"),
        ("[context wheels] load from client", "", "load from client"),
        ("exporting to image", "", "exporting to image"),
    ],
)
def test_stage_and_instruction_of_a_step(name: str, stage: str, instruction: str) -> None:
    assert (stage_of(step(name)), instruction_of(step(name))) == (stage, instruction)


def test_unnamed_stages_have_buildkits_names() -> None:
    events: list[Event] = [
        step(f"[{name} 1/1] RUN x", 0, 1) for name in ("static", "stage-1", "no")
    ]
    seen: list[Step] = []
    request = BuildRequest(Path(), "", stages=("static", ""))
    follow((event for event in events), request, lambda step, _: seen.append(step))
    assert [each.stage for each in seen] == ["static", "stage-1"]


@pytest.mark.parametrize(
    ("spans", "total"),
    [
        ([], 0),
        ([(0, 2), (2, 3)], 3),
        ([(0, 2), (5, 6)], 3),
        ([(0, 4), (1, 2)], 4),
        ([(3, 5), (0, 4)], 5),
        ([(0, 10), (1, 2), (3, 4), (9, 12)], 12),
        ([(2, 1)], 0),
        ([(0, None), (1, 2)], 1),
    ],
)
def test_overlapping_steps_count_once(
    spans: Iterable[tuple[float, float | None]], total: float
) -> None:
    assert seconds(step(f"{span}", *span) for span in spans) == total


def test_stage_is_cached_if_all_of_its_own_steps_were() -> None:
    progress = progress_of(
        step("[web 1/2] FROM python", 0, 1),  # at the time of an earlier build
        step("[web 2/2] COPY . .", 30, 30, cached=True),
        step("[static 1/2] COPY . .", 2, 2, cached=True),
        step("[static 2/2] RUN collect", 2, 4.5),
        step("[internal] load build context", 0, 9),
    )
    assert progress.stages() == (
        Stage("web", 0, True),
        Stage("static", 2.5, False),
    )


def test_own_stages_are_in_the_order_of_their_start() -> None:
    names = ("[never 1/1] RUN x", "[web 1/1] RUN x", "[static 1/1] RUN x", "[other 1/1] RUN x")
    progress = progress_of(*map(step, names), step(names[2], 1, 2), step(names[1], 2, 3))
    assert [stage.name for stage in progress.stages()] == ["static", "web", "never"]


def test_step_duration_spans_partial_updates() -> None:
    name = "[static 1/1] RUN x"
    progress = progress_of(step(name), step(name, 1), step(name, 1, 2), step(name, 3))
    assert progress.vertices[name] == step(name, 1)
    progress.add(step(name, 3, 5))
    progress.add(step(name, 1, 2, cached=True))
    assert progress.vertices[name] == step(name, 1, 5, cached=True)


def test_failure_names_the_stage_and_has_its_last_lines() -> None:
    name = "[static 2/2] RUN --network=none make"
    printed = "".join(f"line {number}\n" for number in range(LAST_LINES + 5))
    progress = progress_of(
        step("[web 1/1] RUN y", 1, 2, error=f"{RUN}: context canceled"),
        StepOutput("[web 1/1] RUN y", "not mine\n"),
        StepOutput(name, printed[:50]),
        StepOutput(name, printed[50:]),
        step(name, 1, 2, error=RUN),
    )
    failure = find_failure(progress)
    assert failure is not None
    assert (failure.stage, failure.vertex) == ("static", name)
    assert failure.problem == f"The stage static failed at: RUN make\n  {RUN}"
    assert failure.output == tuple(f"line {number}" for number in range(5, LAST_LINES + 5))


@pytest.mark.parametrize(
    ("error", "has_failed"),
    [
        ("context canceled", False),
        ("CANCELED", False),
        (f"{RUN}: context canceled", False),
        (RUN.replace("-c x", "-c echo CANCELED: context canceled"), True),
    ],
)
def test_cancelled_steps_are_not_the_failure(error: str, has_failed: bool) -> None:
    progress = progress_of(step("[web 1/1] RUN x", 1, 2, error=error))
    assert (find_failure(progress) is not None) is has_failed


def test_failure_before_any_stage_names_the_step() -> None:
    name = "[internal] load metadata for x"
    failure = find_failure(progress_of(step(name, 0, 1, error="x: not found")))
    assert failure is not None
    assert failure.problem == "The build failed at: load metadata for x\n  x: not found"
    assert failure.advice.startswith("Check the name of the base image")


def test_built_is_recorded() -> None:
    built = Built("sha256:1", "sha256:2")
    assert progress_of(step("[web 1/1] FROM x", 0, 1), built).built == built


PARALLEL = """\
FROM python:3.13-slim AS static
RUN echo begun; sleep 1; echo >&2 why it failed; exit 3 # {own}
FROM python:3.13-slim AS slow
RUN sleep 60 # {own}
FROM scratch
COPY --from=static /etc/hostname /a
COPY --from=slow /etc/hostname /b
"""


@pytest.mark.engine
@pytest.mark.parametrize("builder", ["api", "buildx"])
def test_real_failure_is_that_of_the_stage_that_failed_first(
    builder: str, engine: DockerClient, tmp_path: Path
) -> None:
    request = BuildRequest(tmp_path, PARALLEL.format(own=uuid.uuid4()), BuildOptions(no_cache=True))
    run = engine_api.run(engine, request) if builder == "api" else buildx_build.run(request)
    with pytest.raises(StageFailed) as failure:
        follow(run, request, lambda *_: None)
    assert failure.value.stage == "static"
    assert "RUN echo begun; sleep 1;" in failure.value.problem
    assert failure.value.problem.endswith("exit code: 3")
    assert failure.value.output == ("begun", "why it failed")
