"""``build``: builds an image of a project, with its static files in a separate layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from buildstatic.builders import choose_builder
from buildstatic.builders.base import (
    Builder,
    BuildOptions,
    BuildRequest,
    BuildResult,
)
from buildstatic.builders.embedded import NAME as EMBEDDED
from buildstatic.builders.embedded import CollectedTree, EmbeddedBuilder
from buildstatic.builders.wheel import with_wheel
from buildstatic.dockerfile.source import DockerfileSource
from buildstatic.dockerfile.static_root import static_root_in_image
from buildstatic.oci.reference import Reference
from buildstatic.oci.stores import find_image
from buildstatic.platforms.options import read_dockerfile
from buildstatic.project import Project
from buildstatic.project.detect import detect
from buildstatic.project.packages.known import NO_OPTIONS, DependencyOptions
from buildstatic.verify.apps import app_of
from buildstatic.workflows import SILENT, Reporter
from buildstatic.workflows.build_request import checked_request, choose_source
from buildstatic.workflows.earlier_images import (
    add_earlier_releases,
    earlier_releases,
    reusable_variants,
)
from buildstatic.workflows.layer import collect_tree

__all__ = ["BuildOptions", "BuildOutcome", "build"]

PREVIOUS_STAGE = "buildstatic-previous"
DEFAULT_PORT = 8000
_DEFAULTS = BuildOptions()


@dataclass(frozen=True)
class BuildOutcome:
    """The *result* of the builder.

    With *manifest_only* the image contains at most the manifest: the static files are in the image
    of the target ``assets``. *run_options* are those of ``docker run`` that the image of the last
    stage needs: its port, and the environment variables that the settings require or read for the
    database. *apps* are where the static files that the embedded builder collected are from, by
    their names.
    """

    result: BuildResult
    manifest_only: bool = False
    run_options: tuple[str, ...] = ()
    apps: Mapping[str, str] = field(default_factory=dict)


def build(
    path: Path,
    options: BuildOptions = _DEFAULTS,
    *,
    manage: str | None = None,
    settings: str | None = None,
    dependencies: DependencyOptions = NO_OPTIONS,
    python: Path | None = None,
    verbosity: int = 1,
    isolate: bool = True,
    with_apps: bool = False,
    report: Reporter = SILENT,
) -> BuildOutcome:
    """Build the image of the project in the directory *path*.

    Runs the project's Dockerfile if it has a stage named static, else the generated one. The
    embedded builder, which also runs if no engine responds and no image was requested, collects on
    this machine with *python*, *verbosity* and *isolate* as `collect` does, and *with_apps* says
    where the files are from.

    With *options.keep*, the static layers of that image are put below the new one in the finished
    image: in the registry if it is pushed, else in the engine.

    Raises EngineNotFound, EngineUnusable, EngineFailed, StageFailed, UnsupportedByBuilder,
    StaticLayerNotFound, StaticRootInvalid, ImageReferenceInvalid, ImageNotFound, ImageInvalid,
    ConfigInvalid, what the registries raise, and what `buildstatic.workflows.collect.collect`
    raises.
    """
    previous = find_image(options.reuse) if options.reuse else None
    base = find_image(options.base) if options.base else None
    project = detect(path, manage=manage, settings=settings, dependencies=dependencies)
    is_embedded = options.builder == EMBEDDED or options.base or options.output
    options = dataclasses.replace(
        options,
        target="export" if options.export else options.target,
        builder=EMBEDDED if is_embedded else options.builder,
    )
    collect = partial(
        _collect,
        project,
        python=python,
        verbosity=verbosity,
        isolate=isolate,
        with_plan=with_apps,
        report=report,
    )
    embedded = EmbeddedBuilder(project, collect, base)
    if is_embedded:
        return _build_embedded(embedded, options, previous, report)
    source = choose_source(project, options, dependencies, report)
    request = checked_request(project, source, options, report)
    builder = choose_builder(request, None if options.serve else embedded)
    if builder is embedded:
        report.note("No Docker engine responds: building the static layer only.")
        return _build_embedded(embedded, options, previous, report)
    result = _build_image(builder, request, project, source, previous, report)
    port = read_dockerfile(source.dockerfile).port or DEFAULT_PORT
    _note_commands(project, result, report)
    return BuildOutcome(
        result,
        manifest_only=request.expected is not None and not request.expected.required,
        run_options=run_options(project, port),
    )


def _collect(
    project: Project, layer_root: Path, reuse: Path | None = None, **options: Any
) -> CollectedTree:
    """Collect *project* for `EmbeddedBuilder`; *options* are those of `collect_tree`."""
    tree, plan = collect_tree(project, layer_root, reuse=reuse, **options)
    files = plan["files"] if plan else ()
    return CollectedTree(tree, {file["path"]: file["source"] for file in files})


def _build_embedded(
    builder: EmbeddedBuilder,
    options: BuildOptions,
    previous: Reference | None,
    report: Reporter,
) -> BuildOutcome:
    """Run *builder*, whose *collect* reuses the variants of the image *previous*."""
    project = builder.project
    request = BuildRequest(project.root, "", options)
    builder.check(request)
    tree = static_root_in_image(project)
    with (
        earlier_releases(options, tree) as earlier,
        reusable_variants(previous, tree, options.insecure, report) as variants,
    ):
        collect = partial(builder.collect, reuse=variants)
        builder = dataclasses.replace(builder, collect=collect, earlier=earlier)
        result = builder.build(request, lambda *_: None)
    _note_commands(project, result, report)
    sources = result.layer.sources if result.layer else {}
    root = str(project.root.resolve())
    apps = {name: app_of(source, name, root) for name, source in sources.items()}
    return BuildOutcome(result, apps=apps)


def _build_image(
    builder: Builder,
    request: BuildRequest,
    project: Project,
    source: DockerfileSource,
    previous: Reference | None,
    report: Reporter,
) -> BuildResult:
    """Run *request*, which reuses the variants of the image *previous*, and keep earlier releases.

    They are added to the finished image.
    """
    options = request.options
    if previous and PREVIOUS_STAGE not in source.stages:
        report.warn(f"The Dockerfile has no stage {PREVIOUS_STAGE}: --reuse has no effect.")
        previous = None
    tree = static_root_in_image(project)
    with (
        earlier_releases(options, None if source.path else tree) as earlier,
        reusable_variants(previous, tree, options.insecure, report) as variants,
    ):
        if builder.name == "engine API":
            report.note("docker buildx is not available: building with the engine's API.")
        if variants:
            request = dataclasses.replace(request, contexts={PREVIOUS_STAGE: variants})
        with with_wheel(request) as complete, report.build_view() as on_step:
            result = builder.build(complete, on_step)
        return add_earlier_releases(result, options, earlier, report) if earlier else result


def run_options(project: Project, port: int) -> tuple[str, ...]:
    """Return the options of ``docker run`` for an image of *project* that listens on *port*."""
    variables = [variable.name for variable in project.variables if variable.required]
    connection = project.connection.value if project.connection else None
    if connection and connection.engine not in ("sqlite", "dummy"):
        variables += filter(None, (connection.url, *connection.parts.values()))
    names = dict.fromkeys(variables)
    return (f"--publish={port}:{port}", *(f"--env={name}" for name in names))


def _note_commands(project: Project, result: BuildResult, report: Reporter) -> None:
    """Say that the commands around collecting may be why the layer is not the previous one."""
    commands = (*project.before_collecting, *project.after_collecting)
    if result.reused is False and commands:
        report.note(
            f"The static layer is new. If no source has changed, what {', '.join(commands)} "
            "writes differs each time: `buildstatic verify OLD NEW` lists the files."
        )
