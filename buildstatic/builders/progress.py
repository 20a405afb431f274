"""The events of a Dockerfile build, folded into steps and stages."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from buildstatic.builders.events import Built, Event, StepOutput, Vertex

# As in "[linux/amd64 static  2/11] RUN …"; BuildKit's own steps, "[internal] …", have no number.
_STEP = re.compile(r"\[(?:\S+/\S+ )?(?P<stage>[^\]\s/]+) +\d+/\d+\] ")
_LABEL = re.compile(r"^\[[^\]]*\] ")
_RUN_FLAGS = re.compile(r"^(RUN) (?:--\S+ )+")
_NEVER = datetime.max.replace(tzinfo=UTC)

State: TypeAlias = Literal["running", "done", "cached", "failed", "cancelled"]


@dataclass(frozen=True)
class Step:
    """A step of a stage: its *instruction* on one line, and the *seconds* that it took so far."""

    stage: str
    instruction: str
    state: State
    seconds: float


@dataclass(frozen=True)
class Stage:
    """A stage of the build: the wall time of its steps in seconds, and if all were cached."""

    name: str
    seconds: float
    cached: bool


@dataclass(frozen=True)
class RunningStage:
    """A stage while the build runs: *instruction* is that of the running step, else empty."""

    name: str
    seconds: float
    instruction: str


@dataclass
class Progress:
    """The build so far: the latest state of each step, and its output.

    Only steps of the stages *names* are shown: if two builds share a step at the same time,
    BuildKit reports it to both under the name that it has in the first one, which may be a stage of
    another Dockerfile.
    """

    names: frozenset[str] = frozenset()
    vertices: dict[str, Vertex] = field(default_factory=dict)
    output: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    built: Built | None = None
    ended: set[str] = field(default_factory=set)

    def add(self, event: Event) -> Step | None:
        """Record one event, and return the step that it changes if that is to be shown.

        BuildKit reports some steps in intervals: after its first end a step is not returned again.
        """
        match event:
            case Vertex():
                before = self.vertices.get(event.digest)
                vertex = _merge(before, event) if before else event
                self.vertices[event.digest] = vertex
                if stage_of(vertex) in self.names and event.digest not in self.ended:
                    if vertex.completed:
                        self.ended.add(event.digest)
                    return _step(vertex)
            case StepOutput():
                self.output[event.vertex].append(event.text)
            case Built():
                self.built = event
        return None

    def running(self) -> Iterator[RunningStage]:
        """Yield the stages at this time, in the order in which BuildKit announced them."""
        now = datetime.now(UTC)
        for name, vertices in self._by_stage().items():
            current = [vertex for vertex in vertices if vertex.started and not vertex.completed]
            until_now = (replace(each, completed=each.completed or now) for each in vertices)
            instruction = instruction_of(current[-1]) if current else ""
            yield RunningStage(name, seconds(until_now), instruction)

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages of the finished build, in the order in which they started."""
        stages = []
        for name, vertices in self._by_stage().items():
            started = min((v.started for v in vertices if v.started), default=_NEVER)
            # All builds of the engine share the step of a base image, with the times of the first.
            own = [vertex for vertex in vertices if not instruction_of(vertex).startswith("FROM ")]
            cached = all(vertex.cached for vertex in own)
            stages.append((started, Stage(name, round(seconds(own), 2), cached)))
        stages.sort(key=lambda item: item[0])
        return tuple(stage for _, stage in stages)

    def _by_stage(self) -> dict[str, list[Vertex]]:
        grouped: dict[str, list[Vertex]] = {}
        # A terminal is drawn in a thread of its own, while events arrive.
        for vertex in list(self.vertices.values()):
            if (stage := stage_of(vertex)) in self.names:
                grouped.setdefault(stage, []).append(vertex)
        return grouped


OnStep: TypeAlias = Callable[[Step, Progress], None]


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


def _step(vertex: Vertex) -> Step:
    state: State = "done"
    if not vertex.completed:
        state = "running"
    elif "cancel" in vertex.error.lower():
        # BuildKit cancels steps that run at the same time as one that fails.
        state = "cancelled"
    elif vertex.error:
        state = "failed"
    elif vertex.cached:
        state = "cached"
    return Step(stage_of(vertex), instruction_of(vertex), state, seconds([vertex]))


def stage_of(vertex: Vertex) -> str:
    """Return the stage that *vertex* is a step of, empty for BuildKit's own steps."""
    found = _STEP.match(vertex.name)
    return found["stage"] if found else ""


def instruction_of(vertex: Vertex) -> str:
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
