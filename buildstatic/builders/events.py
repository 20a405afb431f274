"""What a builder tells while it works, the same for every builder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True)
class Vertex:
    """The state of one step: BuildKit's ``Vertex`` (api/services/control/control.proto).

    *started* and *completed* are None while the step waits and while it runs.
    """

    digest: str
    name: str
    started: datetime | None = None
    completed: datetime | None = None
    cached: bool = False
    error: str = ""


@dataclass(frozen=True)
class Output:
    """What the step of that digest has printed, a part of it."""

    vertex: str
    text: str


@dataclass(frozen=True)
class Built:
    """The last event of a build that succeeded.

    *config* is the digest of the image's configuration, *digest* that of its manifest or index
    where the builder tells one; both None where no image was made.
    """

    config: str | None
    digest: str | None = None


Event: TypeAlias = Vertex | Output | Built
