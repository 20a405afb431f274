"""What ``build`` says of what came out, to people and to programs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from buildstatic import console

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildstatic.builders.build import Report
    from buildstatic.builders.request import BuildRequest


def summary(
    report: Report,
    request: BuildRequest,
    say: Callable[[str], None],
    *,
    names_only: bool = False,
) -> None:
    """Give *say* the lines that tell a person what came out.

    *names_only* tells that the image has of the static files the manifest at most.
    """
    for stage in report.stages:
        say(f"  {stage.name:<20} {'cached' if stage.cached else f'{stage.seconds:.1f} s'}")
    say(f"  {'all':<20} {report.seconds:.1f} s")
    if report.id:
        say(f"image   {report.image or '(no tag)'} {report.id}")
    if report.static:
        static = report.static
        only = ": the names" if names_only else ""
        size = console.size(static.bytes)
        say(f"static  {files(static.files)}, {size}, in {static.path}{only}")
        say(f"diffID  {static.diff_id}{_compared(report)}")
        none = "the engine's API does not tell" if request.push else "none until a registry has it"
        say(f"digest  {static.digest or f'({none})'}")
    if names_only:
        say("The static files themselves are in another image: --target assets.")


def files(count: int, kind: str = "") -> str:
    """Return *count* files in words."""
    return f"{count} {kind}file{'' if count == 1 else 's'}"


def warn_of_older(report: Report) -> None:
    """Warn of files that an earlier layer has where the static ones are."""
    if report.static and report.static.older:
        console.warn(
            f"{report.static.older} files of an earlier layer show in {report.static.path}: name "
            "the old tree in .dockerignore."
        )


def _compared(report: Report) -> str:
    if report.reused is None:
        return ""
    return " (the same layer as before)" if report.reused else " (new)"


def in_json(report: Report) -> dict[str, object]:
    """Return what *report* says to programs."""
    said = dataclasses.asdict(report)
    reused, _, _ = (said.pop(key) for key in ("reused", "exported", "layer"))
    if report.static:
        said["static"].pop("older")
        said["static"]["reused"] = reused
    return said
