"""``build --builder embedded``: collects here, and writes the layer or the image itself."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from buildstatic import console
from buildstatic.cli.appending import Appending, asked
from buildstatic.cli.reporting import in_json, summary

if TYPE_CHECKING:
    from buildstatic.builders.build import Builder, Report
    from buildstatic.builders.request import BuildRequest
    from buildstatic.builders.stages import Stage
    from buildstatic.oci.append import AppendResult
    from buildstatic.oci.layer_writer import WrittenLayer
    from buildstatic.project import Project

OUTPUT = Path("static-layer.tar.gz")
NOTE = "No Docker engine answers: the embedded builder makes the static layer alone."
HINT = (
    "With no engine `buildstatic build --base IMAGE --tag IMAGE` puts the static files on an image."
)


@dataclass(frozen=True)
class Wanted:
    """What is to come out: the layer in *output*, *appendings* of it, or both.

    *words* are options of collect.
    """

    output: Path | None
    appendings: tuple[Appending, ...]
    words: tuple[str, ...]

    def reusing(self, variants: Path | None) -> Wanted:
        """Return the same with the *variants* of an earlier image, if there are any."""
        return replace(self, words=(*self.words, f"--reuse={variants}")) if variants else self


def choose_builder(request: BuildRequest, *, is_for_image: bool = False) -> Builder | None:
    """Return the builder; None for the embedded one, where no engine answers and it will do.

    It will not do for an image (*is_for_image*), even if nothing in *request* says so.
    """
    from buildstatic.builders.build import choose_builder
    from buildstatic.builders.embedded import dockerfile_options
    from buildstatic.errors import EngineNotFound

    try:
        return choose_builder(request)
    except EngineNotFound as error:
        if not (is_for_image or request.builder or request.tags or dockerfile_options(request)):
            return None
        if is_for_image or request.builder:
            raise
        raise EngineNotFound(error.problem, f"{error.advice} {HINT}") from error


def wanted(
    request: BuildRequest, base: str | None, output: Path | None, insecure: bool, words: list[str]
) -> Wanted:
    """Return what is asked for; raises UnsupportedByBuilder and what names of images raise."""
    from buildstatic.builders.embedded import check

    check(request)
    if bool(base) != bool(request.tags):
        raise click.UsageError("With no engine --tag and --base go together: the image to start.")
    appendings = tuple(asked(base, tag, insecure=insecure) for tag in request.tags if base)
    _check_push(appendings, request.push)
    return Wanted(output or (None if base else OUTPUT), appendings, tuple(words))


def _check_push(appendings: tuple[Appending, ...], push: bool) -> None:
    """Let nothing go to a registry, Docker Hub for a plain name, that nobody wanted there."""
    from buildstatic.oci.reference import RegistryReference

    for tag in (each.tag for each in appendings):
        if isinstance(tag, RegistryReference) != push:
            raise click.UsageError(
                f"{tag} is no name in a registry, and --push is for those."
                if push
                else f"{tag} is in a registry: say --push, or name oci:DIR:TAG, docker:NAME or "
                "docker-archive:FILE."
            )


def _build(project: Project, wanted: Wanted, *, quiet: bool) -> tuple[Report, WrittenLayer]:
    """Collect *project* here, write what is *wanted*, and return what came out."""
    from buildstatic.cli.layer import collect_tree, place_in_image, save

    at, clock = place_in_image(project), _Clock()
    with tempfile.TemporaryDirectory(prefix="buildstatic-layer-") as temporary:
        root, output = Path(temporary, "layer"), wanted.output or Path(temporary, "layer.tar")
        before = _diff_id(output)
        tree = collect_tree(root, project, list(wanted.words), quiet=quiet)
        clock.ends("collect")
        layer = save(tree, at, output, "gzip")
        clock.ends("layer")
        appended = [each.put(layer, output) for each in wanted.appendings]
        if appended:
            clock.ends("image")
    return _report(layer, str(at), appended, before, clock), layer


def run(project: Project, request: BuildRequest, wanted: Wanted, as_json: bool) -> None:
    """Build what is *wanted* and say what came out."""
    say = console.note if as_json else console.say
    report, layer = _build(project, wanted, quiet=as_json)
    summary(report, request, say)
    if wanted.output:
        say(f"layer   {console.size(layer.size)}, in {wanted.output}")
    if as_json:
        file = str(wanted.output) if wanted.output else None
        print(json.dumps({**in_json(report), "layer": file}))


class _Clock:
    """Takes the time of one stage after the other."""

    def __init__(self) -> None:
        self.started = self._last = time.monotonic()
        self.stages: list[Stage] = []

    def ends(self, name: str) -> None:
        from buildstatic.builders.stages import Stage

        now = time.monotonic()
        self.stages.append(Stage(name, round(now - self._last, 2), cached=False))
        self._last = now


def _diff_id(output: Path) -> str | None:
    """Return the diffID of the layer that is in *output* already, None for none."""
    from buildstatic.oci.layer_writer import DIFF_ID

    with suppress(OSError, ValueError, KeyError, TypeError):
        described = json.loads(output.with_name(f"{output.name}.json").read_text("utf-8"))
        return str(described["annotations"][DIFF_ID])
    return None


def _report(
    layer: WrittenLayer, at: str, appended: list[AppendResult], before: str | None, clock: _Clock
) -> Report:
    from buildstatic.builders.build import Report
    from buildstatic.oci.static_layer import StaticLayer

    replaced = {diff_id for each in appended for image in each.images for diff_id in image.replaced}
    known = replaced or ({before} if before and not appended else set())
    return Report(
        image=appended[0].reference if appended else None,
        id=appended[0].digest if appended else None,
        static=StaticLayer(at, layer.files, layer.bytes, layer.diff_id, layer.digest),
        reused=layer.diff_id in known if known else None,
        stages=tuple(clock.stages),
        seconds=round(time.monotonic() - clock.started, 2),
    )
