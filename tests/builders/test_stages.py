"""What a build tells, folded into its stages: time, the cache, and the step that failed."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.builders import buildx, engine_api
from buildstatic.builders.base import BuildRequest, Built, Event, Output, Stage, Vertex
from buildstatic.builders.progress import LAST_LINES, Progress, command, seconds, stage_name
from buildstatic.errors import EngineFailed

if TYPE_CHECKING:
    from docker import DockerClient

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
RUN = 'process "/bin/sh -c x" did not complete successfully: exit code: 1'


def at(second: float) -> datetime:
    return BEGIN + timedelta(seconds=second)


def step(
    name: str,
    start: float | None = None,
    end: float | None = None,
    *,
    cached: bool = False,
    error: str = "",
) -> Vertex:
    """Return the state of the step *name*, which ran from *start* to *end*."""
    started, completed = (None if when is None else at(when) for when in (start, end))
    return Vertex(name, name, started, completed, cached, error)


def folded(*events: Event) -> Progress:
    build = Progress()
    for event in events:
        build.add(event)
    return build


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
def test_a_step_belongs_to_its_stage(name: str, stage: str, instruction: str) -> None:
    assert stage_name(step(name)) == stage
    assert command(step(name)) == instruction


@pytest.mark.parametrize(
    ("spans", "total"),
    [
        ([], 0),
        ([(0, 2), (2, 3)], 3),
        ([(0, 2), (5, 6)], 3),
        ([(0, 4), (1, 2)], 4),
        ([(3, 5), (0, 4)], 5),
        ([(0, 10), (1, 2), (3, 4), (9, 12)], 12),
        ([(1, 1)], 0),
        ([(2, 1)], 0),
        ([(0, None), (1, 2)], 1),
    ],
)
def test_time_in_which_steps_overlap_counts_once(
    spans: Iterable[tuple[float, float | None]], total: float
) -> None:
    assert seconds(step(f"{span}", *span) for span in spans) == total


def test_a_stage_is_cached_when_all_of_its_own_steps_were() -> None:
    build = folded(
        step("[web 1/2] FROM python", 0, 1),  # of an earlier build's time
        step("[web 2/2] COPY . .", 30, 30, cached=True),
        step("[static 1/2] COPY . .", 2, 2, cached=True),
        step("[static 2/2] RUN collect", 2, 4.5),
        step("[internal] load build context", 0, 9),
    )
    assert build.stages() == (Stage("web", 0, True), Stage("static", 2.5, False))


def test_stages_are_told_in_the_order_in_which_they_began() -> None:
    names = ("[never 1/1] RUN x", "[web 1/1] RUN x", "[static 1/1] RUN x")
    build = folded(*map(step, names), step(names[2], 1, 2), step(names[1], 2, 3))
    assert [stage.name for stage in build.stages()] == ["static", "web", "never"]


def test_a_step_that_is_told_of_in_parts_began_with_the_first_and_ends_with_the_last() -> None:
    name = "[static 1/1] RUN x"
    build = folded(step(name), step(name, 1), step(name, 1, 2), step(name, 3))
    assert build.vertices[name] == step(name, 1)
    build.add(step(name, 3, 5))
    build.add(step(name, 1, 2, cached=True))
    assert build.vertices[name] == step(name, 1, 5, cached=True)


def test_the_error_names_the_stage_and_has_the_last_lines_of_that_step_alone() -> None:
    name = "[static 2/2] RUN --network=none make"
    printed = "".join(f"line {number}\n" for number in range(LAST_LINES + 5))
    build = folded(
        step("[web 1/1] RUN y", 1, 2, error=f"{RUN}: context canceled"),
        Output("[web 1/1] RUN y", "not mine\n"),
        Output(name, printed[:50]),
        Output(name, printed[50:]),
        step(name, 1, 2, error=RUN),
    )
    failure = build.failure()
    assert failure is not None
    assert (failure.stage, failure.vertex) == ("static", name)
    first, second, *lines = failure.problem.splitlines()
    assert (first, second) == ("The stage static failed at: RUN make", f"  {RUN}")
    assert lines == [f"  | line {number}" for number in range(5, LAST_LINES + 5)]


@pytest.mark.parametrize("error", ["context canceled", "CANCELED", f"{RUN}: context canceled"])
def test_a_step_that_was_cancelled_has_not_failed(error: str) -> None:
    assert folded(step("[web 1/1] RUN x", 1, 2, error=error)).failure() is None


def test_a_command_that_speaks_of_cancelling_can_fail() -> None:
    error = RUN.replace("-c x", "-c echo CANCELED: context canceled")
    assert folded(step("[web 1/1] RUN x", 1, 2, error=error)).failure() is not None


def test_a_failure_before_any_stage_names_the_step() -> None:
    failure = folded(step("[internal] load metadata for x", 0, 1, error="x: not found")).failure()
    assert failure is not None
    assert failure.problem == "The build failed at: load metadata for x\n  x: not found"


PARALLEL = """\
FROM python:3.13-slim AS static
{steps}
RUN echo begun; sleep 1; echo >&2 why it failed; exit 3 # {own}
FROM python:3.13-slim AS slow
RUN sleep 60 # {own}
FROM scratch
COPY --from=static /etc/hostname /a
COPY --from=slow /etc/hostname /b
"""


@pytest.mark.engine
@pytest.mark.parametrize("door", ["api", "buildx"])
def test_a_real_failure_is_that_of_its_stage_not_of_the_one_it_stopped(
    door: str, engine: DockerClient, tmp_path: Path
) -> None:
    steps = "\n".join(f"RUN echo {number}" for number in range(10))
    dockerfile = PARALLEL.format(steps=steps, own=uuid.uuid4())
    request = BuildRequest(tmp_path, dockerfile, no_cache=True)
    build = Progress()
    events = engine_api.run(engine, request) if door == "api" else buildx.run(request)
    with pytest.raises(EngineFailed):
        deque(map(build.add, events), 0)
    failure = build.failure()
    assert failure is not None
    assert failure.stage == "static"
    assert "RUN echo begun; sleep 1;" in failure.problem
    assert failure.problem.endswith("exit code: 3\n  | begun\n  | why it failed")


def test_what_was_built_is_the_last_word() -> None:
    built = Built("sha256:1", "sha256:2")
    assert folded(step("[web 1/1] FROM x", 0, 1), built).built == built
