"""What is printed about a finished build."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from buildstatic import console
from buildstatic.builders.base import BuildOptions, BuildResult
from buildstatic.cli.options import DROPPED
from buildstatic.oci.layer_lookup import StaticLayer
from buildstatic.workflows.build import BuildOutcome


@dataclass(frozen=True)
class Summary:
    """The *text* about a build, a *warning* if there is one, and the words of the next command."""

    text: str
    warning: str
    next_command: tuple[str, ...]


def summarize(outcome: BuildOutcome, options: BuildOptions) -> Summary:
    """Return what was built, and a warning about files of earlier layers."""
    static = outcome.result.static
    warning = ""
    if static and static.older:
        warning = (
            f"{static.older} files of an earlier layer are visible in {static.path}: add the old "
            "tree to .dockerignore."
        )
    next_command = _next_command(outcome, options)
    return Summary("\n".join(_lines(outcome, options)), warning, next_command)


def _next_command(outcome: BuildOutcome, options: BuildOptions) -> tuple[str, ...]:
    """Return the words of the command that uses what was built, none if that is not known."""
    result = outcome.result
    if result.layer:
        return ("buildstatic", "verify", str(result.layer.path)) if result.layer.path else ()
    if options.push or options.export or options.target or result.id is None:
        return ()
    registry, slash, _ = (result.image or "").partition("/")
    if slash and re.search(r"[.:]|^localhost$", registry):
        return ("docker", "push", str(result.image))
    name = result.image or result.id.removeprefix("sha256:")[:12]
    return ("docker", "run", "--rm", *outcome.run_options, name)


def _lines(outcome: BuildOutcome, options: BuildOptions) -> Iterator[str]:
    result = outcome.result
    for stage in result.stages:
        yield f"  {stage.name:<20} {'cached' if stage.cached else f'{stage.seconds:.1f} s'}"
    yield f"  {'all':<20} {result.seconds:.1f} s"
    if result.id:
        yield f"image   {result.image or '(no tag)'} {result.id}"
    if result.static:
        yield from _static_lines(result.static, outcome, options)
    for diff_id in result.earlier:
        yield f"earlier {diff_id}, the static layer of an earlier release"
    for digest in result.dropped:
        yield f"dropped {digest}, {DROPPED}"
    if outcome.manifest_only:
        yield "The static files are in another image: --target assets."
    if result.layer and result.layer.path:
        yield f"layer   {console.size(result.layer.size)}, in {result.layer.path}"
    if options.export:
        yield f"{_files(result.exported or 0, 'static ')} in {options.export}."


def _static_lines(
    static: StaticLayer, outcome: BuildOutcome, options: BuildOptions
) -> Iterator[str]:
    manifest = ": the manifest" if outcome.manifest_only else ""
    files, size = _files(static.files), console.size(static.bytes)
    yield f"static  {files}, {size}, in {static.path}{manifest}"
    is_reused = outcome.result.reused
    same = " (the same layer as before)" if is_reused else " (new)"
    yield f"diffID  {static.diff_id}{'' if is_reused is None else same}"
    unknown = "not reported by the engine's API" if options.push else "none until it is pushed"
    yield f"digest  {static.digest or f'({unknown})'}"


def _files(count: int, kind: str = "") -> str:
    return f"{count} {kind}file{'' if count == 1 else 's'}"


def document(result: BuildResult) -> dict[str, Any]:
    """Return *result* as JSON; only the embedded builder has a layer."""
    values = dataclasses.asdict(result)
    for name in ("reused", "exported", "layer", "earlier", "dropped"):
        values.pop(name)
    if result.static:
        values["static"].pop("older")
        values["static"] |= {"reused": result.reused, "earlier": result.earlier}
    if result.layer:
        values["layer"] = str(result.layer.path) if result.layer.path else None
    return values
