"""Follows a Dockerfile build to its end, or to the step that failed."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from buildstatic.builders.advice import advice_for
from buildstatic.builders.base import BuildRequest
from buildstatic.builders.events import Event
from buildstatic.builders.progress import OnStep, Progress, instruction_of, stage_of
from buildstatic.errors import BuildstaticError, EngineFailed, StageFailed

LAST_LINES = 20
# Part of the error of a RUN whose command exits with a status other than 0.
COMMAND_FAILED = "did not complete successfully"


def follow(
    events: Generator[Event, None, None], request: BuildRequest, on_step: OnStep
) -> Progress:
    """Run the build of *request* that yields *events*, and call *on_step* for each step to show.

    Raises StageFailed for the step that failed, else the builder's own error.
    """
    names = (name or f"stage-{index}" for index, name in enumerate(request.stages))
    progress = Progress(frozenset(names))
    try:
        # Closed at once if interrupted, so that the builder removes its temporary files.
        with closing(events):
            for event in events:
                if step := progress.add(event):
                    on_step(step, progress)
    except BuildstaticError as error:
        failure = find_failure(progress, request.context)
        # The builder's error is recognized by its text, which a failed command may have printed.
        if failure and (isinstance(error, EngineFailed) or COMMAND_FAILED in failure.problem):
            raise failure from error
        raise
    return progress


def find_failure(progress: Progress, context: Path | None = None) -> StageFailed | None:
    """Return the error of the step that failed, with advice and what it printed last.

    *context* is the directory with the files that the step reads.
    """
    for vertex in progress.vertices.values():
        # A step that BuildKit cancels because another one failed has an error, too.
        reason = vertex.error.rpartition(COMMAND_FAILED)[2]
        if not vertex.error or "context canceled" in reason or "CANCELED" in reason:
            continue
        stage = stage_of(vertex)
        subject = f"The stage {stage} failed at:" if stage else "The build failed at:"
        output = "".join(progress.output[vertex.digest])
        return StageFailed(
            f"{subject} {instruction_of(vertex)}\n  {vertex.error}",
            advice_for("\n".join((vertex.name, output, vertex.error)), context),
            stage=stage,
            vertex=vertex.digest,
            output=tuple(output.splitlines()[-LAST_LINES:]),
        )
    return None
