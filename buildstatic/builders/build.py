"""The names of before, for the command line until it uses `choose_builder` and `Builder`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from buildstatic.builders.base import Builder, BuildRequest, OnEvent
from buildstatic.builders.base import BuildResult as Report
from buildstatic.builders.base import ExpectedFiles as Expected
from buildstatic.builders.choose import choose_builder
from buildstatic.builders.progress import dockerfile_stages as own_stages
from buildstatic.builders.wheel import wheels

__all__ = ["Builder", "Expected", "Report", "build", "choose_builder", "export", "own_stages"]
__all__ += ["wheels"]


def build(
    builder: Builder, request: BuildRequest, expected: Expected | None, on_event: OnEvent
) -> Report:
    """Run *request*."""
    return builder.build(dataclasses.replace(request, expected=expected), on_event)


def export(
    builder: Builder, request: BuildRequest, directory: Path, on_event: OnEvent
) -> tuple[Report, int]:
    """Run *request* for its files alone."""
    result = builder.build(dataclasses.replace(request, export=directory, tags=()), on_event)
    return result, result.exported or 0
