"""The events of a Dockerfile build, whichever builder reports them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

# What reading an event may raise: a build goes on without its progress.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)


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
