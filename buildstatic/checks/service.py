"""A service of a platform, as its file describes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A command, or a path, as it is written, and where."""

    file: str
    number: int
    text: str


@dataclass(frozen=True)
class Service:
    """A service of *platform*: commands and volumes.

    *before* are the commands that run once a deployment, in a container of their own; *start* those
    that start it; *volumes* the paths that volumes are mounted at.
    """

    platform: str
    before: tuple[Line, ...] = ()
    start: tuple[Line, ...] = ()
    volumes: tuple[Line, ...] = ()
