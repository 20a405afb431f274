"""Folds the events of a build into its stages: seconds, cached or not, and what failed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from buildstatic.builders.events import Built, Event, Output, Vertex
from buildstatic.errors import StageFailed

LAST_LINES = 20
# In the error of a RUN whose command has ended with another status than 0.
COMMAND_FAILED = "did not complete successfully"
# As in "[linux/amd64 static  2/11] RUN …"; BuildKit's own, "[internal] …", have no number.
_STEP = re.compile(r"\[(?:\S+/\S+ )?(?P<stage>[^\]\s/]+) +\d+/\d+\] ")
_LABEL = re.compile(r"^\[[^\]]*\] ")
_NEVER = datetime.max.replace(tzinfo=UTC)
_FLAGS = re.compile(r"^(RUN) (?:--\S+ )+")


@dataclass(frozen=True)
class Stage:
    """One stage of the build: wall *seconds* in which its own steps ran; *cached* if all were."""

    name: str
    seconds: float
    cached: bool


@dataclass
class Build:
    """The build so far: the last state of every step, and what each has printed."""

    vertices: dict[str, Vertex] = field(default_factory=dict)
    output: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    built: Built | None = None

    def add(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case Vertex():
                self.vertices[event.digest] = _merge(self.vertices.get(event.digest), event)
            case Output():
                self.output[event.vertex].append(event.text)
            case Built():
                self.built = event

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages in the order in which they began."""
        grouped: dict[str, list[Vertex]] = {}
        for vertex in self.vertices.values():
            name = stage_name(vertex)
            if name:
                grouped.setdefault(name, []).append(vertex)
        in_order = sorted(grouped.items(), key=lambda item: _began(item[1]))
        return tuple(_stage(name, vertices) for name, vertices in in_order)

    def failure(self) -> StageFailed | None:
        """Return the error of the step that failed, with the last lines that it printed."""
        for vertex in self.vertices.values():
            if vertex.error and not _cancelled(vertex.error):
                return self._failed(vertex)
        return None

    def _failed(self, vertex: Vertex) -> StageFailed:
        stage = stage_name(vertex)
        where = f"The stage {stage} failed" if stage else "The build failed"
        lines = "".join(self.output[vertex.digest]).splitlines()[-LAST_LINES:]
        problem = f"{where} at: {command(vertex)}\n  {vertex.error}"
        printed = "".join(f"\n  | {line}" for line in lines)
        return StageFailed(problem + printed, stage=stage, vertex=vertex.digest)


def stage_name(vertex: Vertex) -> str:
    """Return the stage that *vertex* is a step of, empty for BuildKit's own steps."""
    found = _STEP.match(vertex.name)
    return found["stage"] if found else ""


def command(vertex: Vertex) -> str:
    """Return the instruction of *vertex* on one line, without the flags of a RUN."""
    return _FLAGS.sub(r"\1 ", " ".join(_LABEL.sub("", vertex.name).split()))


def seconds(vertices: Iterable[Vertex]) -> float:
    """Return the wall time in which any of *vertices* ran: overlaps count once."""
    spans = sorted((v.started, v.completed) for v in vertices if v.started and v.completed)
    total, end = 0.0, None
    for started, completed in spans:
        begin = started if end is None else max(started, end)
        total += max((completed - begin).total_seconds(), 0.0)
        end = completed if end is None else max(end, completed)
    return total


def _merge(before: Vertex | None, now: Vertex) -> Vertex:
    """Keep the first start: BuildKit tells of one step in several intervals."""
    if before is None or before.started is None:
        return now
    started = min(filter(None, (before.started, now.started)))
    return Vertex(
        now.digest,
        now.name,
        started,
        _latest(before.completed, now.completed) if now.completed else None,
        now.cached or before.cached,
        now.error or before.error,
    )


def _latest(one: datetime | None, other: datetime) -> datetime:
    return max(one, other) if one else other


def _began(vertices: Iterable[Vertex]) -> datetime:
    starts = [vertex.started for vertex in vertices if vertex.started]
    return min(starts, default=_NEVER)


def _stage(name: str, vertices: list[Vertex]) -> Stage:
    # The step of a base image is one for all builds on the engine, and tells of earlier ones.
    own = [vertex for vertex in vertices if not command(vertex).startswith("FROM ")]
    cached = all(vertex.cached for vertex in own)
    return Stage(name, round(seconds(own), 2), cached)


def _cancelled(error: str) -> bool:
    """Tell whether a step ended because another failed; its own command may say anything."""
    reason = error.rpartition(COMMAND_FAILED)[2]
    return "context canceled" in reason or "CANCELED" in reason
