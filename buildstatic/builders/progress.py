"""The events of a Dockerfile build, folded into stages and the step that failed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from buildstatic.builders.advice import advice_for
from buildstatic.dockerfile.source import stage_names
from buildstatic.errors import BuildstaticError, EngineFailed, StageFailed

LAST_LINES = 20
# Part of the error of a RUN whose command exits with a status other than 0.
COMMAND_FAILED = "did not complete successfully"
# As in "[linux/amd64 static  2/11] RUN …"; BuildKit's own steps, "[internal] …", have no number.
_STEP = re.compile(r"\[(?:\S+/\S+ )?(?P<stage>[^\]\s/]+) +\d+/\d+\] ")
_LABEL = re.compile(r"^\[[^\]]*\] ")
_RUN_FLAGS = re.compile(r"^(RUN) (?:--\S+ )+")
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Vertex:
    """The state of one step: BuildKit's ``Vertex`` (api/services/control/control.proto).

    *started* and *completed* are None until the step starts and ends.
    """

    digest: str
    name: str
    started: datetime | None = None
    completed: datetime | None = None
    cached: bool = False
    error: str = ""


@dataclass(frozen=True)
class StepOutput:
    """Part of the output of the step with the digest *vertex*."""

    vertex: str
    text: str


@dataclass(frozen=True)
class Built:
    """The last event of a successful build.

    *config* is the digest of the image's configuration, *digest* that of its manifest or index if
    the builder reports it; both are None if no image was made.
    """

    config: str | None
    digest: str | None = None


Event: TypeAlias = Vertex | StepOutput | Built
OnEvent: TypeAlias = Callable[[Event, "Progress"], None]


@dataclass(frozen=True)
class Stage:
    """A stage of the build: the wall time of its steps in seconds, and if all were cached."""

    name: str
    seconds: float
    cached: bool


@dataclass
class Progress:
    """The build so far: the latest state of each step, and its output."""

    vertices: dict[str, Vertex] = field(default_factory=dict)
    output: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    built: Built | None = None

    def add(self, event: Event) -> None:
        """Record one event."""
        match event:
            case Vertex():
                before = self.vertices.get(event.digest)
                self.vertices[event.digest] = _merge(before, event) if before else event
            case StepOutput():
                self.output[event.vertex].append(event.text)
            case Built():
                self.built = event

    def stages(self, names: Collection[str]) -> tuple[Stage, ...]:
        """Return the stages that are among *names*, in the order in which they started."""
        grouped: dict[str, list[Vertex]] = {}
        for vertex in self.vertices.values():
            if (name := stage_name(vertex)) in names:
                grouped.setdefault(name, []).append(vertex)
        stages = []
        for name, vertices in grouped.items():
            started = min((v.started for v in vertices if v.started), default=_NEVER)
            # All builds of the engine share the step of a base image, with the times of the first.
            own = [vertex for vertex in vertices if not command(vertex).startswith("FROM ")]
            cached = all(vertex.cached for vertex in own)
            stages.append((started, Stage(name, round(seconds(own), 2), cached)))
        stages.sort(key=lambda item: item[0])
        return tuple(stage for _, stage in stages)

    def failure(self, context: Path | None = None) -> StageFailed | None:
        """Return the error of the step that failed, with advice and what it printed last.

        *context* is the directory with the files that the step reads.
        """
        for vertex in self.vertices.values():
            # A step that BuildKit cancels because another one failed has an error, too.
            reason = vertex.error.rpartition(COMMAND_FAILED)[2]
            if not vertex.error or "context canceled" in reason or "CANCELED" in reason:
                continue
            stage = stage_name(vertex)
            subject = f"The stage {stage} failed at:" if stage else "The build failed at:"
            problem = f"{subject} {command(vertex)}\n  {vertex.error}"
            output = "".join(self.output[vertex.digest])
            return StageFailed(
                problem,
                advice_for("\n".join((vertex.name, output, vertex.error)), context),
                stage=stage,
                vertex=vertex.digest,
                output=tuple(output.splitlines()[-LAST_LINES:]),
            )
        return None


def readable(events: Iterable[Event]) -> Iterator[Event]:
    """Yield *events* up to the first that cannot be read: a build goes on without its progress."""
    with suppress(ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError):
        yield from events


def follow(
    events: Generator[Event, None, None], on_event: OnEvent, context: Path | None = None
) -> Progress:
    """Run the build of *context* that yields *events* to its end, and call *on_event* for each.

    Raises StageFailed for the step that failed, else the builder's own error.
    """
    progress = Progress()
    try:
        # Closed at once if interrupted, so that the builder removes its temporary files.
        with closing(events):
            for event in events:
                progress.add(event)
                on_event(event, progress)
    except BuildstaticError as error:
        failure = progress.failure(context)
        # The builder's error is recognized by its text, which a failed command may have printed.
        if failure and (isinstance(error, EngineFailed) or COMMAND_FAILED in failure.problem):
            raise failure from error
        raise
    return progress


def dockerfile_stages(dockerfile: str) -> frozenset[str]:
    """Return the names that BuildKit gives the stages of *dockerfile*.

    If two builds share a step at the same time, BuildKit reports it to both under the name that it
    has in the first one, which may be a stage of another Dockerfile.
    """
    names = enumerate(stage_names(dockerfile))
    return frozenset(name or f"stage-{index}" for index, name in names)


def stage_name(vertex: Vertex) -> str:
    """Return the stage that *vertex* is a step of, empty for BuildKit's own steps."""
    found = _STEP.match(vertex.name)
    return found["stage"] if found else ""


def command(vertex: Vertex) -> str:
    """Return the instruction of *vertex* on one line, without the flags of a RUN."""
    return _RUN_FLAGS.sub(r"\1 ", " ".join(_LABEL.sub("", vertex.name).split()))


def seconds(vertices: Iterable[Vertex]) -> float:
    """Return the wall time in which any of *vertices* ran: overlaps count once."""
    spans = sorted((v.started, v.completed) for v in vertices if v.started and v.completed)
    total, end = 0.0, None
    for started, completed in spans:
        begin = started if end is None else max(started, end)
        total += max((completed - begin).total_seconds(), 0.0)
        end = completed if end is None else max(end, completed)
    return total


def _merge(before: Vertex, now: Vertex) -> Vertex:
    """Return *now* with what is known from *before*: BuildKit reports a step in intervals."""
    if before.started is None:
        return now
    completed = now.completed and max(now.completed, before.completed or now.completed)
    return replace(
        now,
        started=min(before.started, now.started or before.started),
        completed=completed,
        cached=now.cached or before.cached,
        error=now.error or before.error,
    )
