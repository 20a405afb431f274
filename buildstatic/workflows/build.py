"""``build``: builds an image of a project, with its static files in a separate layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
    ExpectedFiles,
)
from buildstatic.builders.context import temporary_wheel
from buildstatic.builders.embedded import NAME as EMBEDDED
from buildstatic.builders.embedded import CollectedTree, EmbeddedBuilder
from buildstatic.dockerfile import assets
from buildstatic.dockerfile.build_context import measure, read_context
from buildstatic.dockerfile.layer_location import check_layer_location
from buildstatic.dockerfile.source import ASSETS, ASSETS_STAGES, DockerfileSource, choose_dockerfile
from buildstatic.dockerfile.static_root import DATA, static_root_in_image
from buildstatic.errors import (
    ConfigInvalid,
)
from buildstatic.oci.reference import Reference
from buildstatic.oci.stores import find_image
from buildstatic.platforms.options import read_dockerfile
from buildstatic.project import Project
from buildstatic.project.detect import detect
from buildstatic.project.edits import application_edits
from buildstatic.project.manage import read_settings
from buildstatic.project.packages.distributions import how_to_add, imported_distributions
from buildstatic.project.packages.known import NO_OPTIONS, DependencyOptions
from buildstatic.verify.apps import app_of
from buildstatic.workflows import SILENT, Reporter
from buildstatic.workflows.earlier_images import (
    add_earlier_releases,
    earlier_releases,
    reusable_variants,
)
from buildstatic.workflows.generate import configured_dockerfile
from buildstatic.workflows.layer import collect_tree

__all__ = ["BuildOptions", "BuildOutcome", "build"]

PREVIOUS_STAGE = "buildstatic-previous"
WHEELS_STAGE = "buildstatic-wheels"
DEFAULT_PORT = 8000
LARGE_CONTEXT = 1 << 30  # bytes
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
    source = _choose_dockerfile(project, options, dependencies, report)
    expected = None if options.export else expected_files(project, source.stages, options.target)
    request = BuildRequest(
        project.root,
        source.dockerfile,
        options,
        source.dockerignore,
        source.stages,
        expected=expected,
    )
    _check_dockerfile(project, source, request, report)
    builder = choose_builder(request, None if options.serve else embedded)
    if builder is embedded:
        report.note("No Docker engine responds: building the static layer only.")
        return _build_embedded(embedded, options, previous, report)
    result = _build_image(builder, request, project, source, previous, report)
    _note_commands(project, result, report)
    port = read_dockerfile(source.dockerfile).port or DEFAULT_PORT
    return BuildOutcome(
        result,
        manifest_only=expected is not None and not expected.required,
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
        with (
            _complete(request, source, variants) as complete,
            report.build_view() as on_step,
        ):
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


def _choose_dockerfile(
    project: Project, options: BuildOptions, dependencies: DependencyOptions, report: Reporter
) -> DockerfileSource:
    """Return the project's own Dockerfile, or a generated one.

    Raises ConfigInvalid if it is the project's own, and *dependencies* select others.
    """
    dockerfile = configured_dockerfile(project, options.serve)
    for text in (*project.notes, *(assets.assumptions(project) if dockerfile.assets else ())):
        report.note(text)
    source = choose_dockerfile(project, dockerfile)
    if source.skipped:
        report.warn(
            f"{source.skipped.name} has no stage named static: using the generated one instead."
        )
    if source.path is not None and dependencies != NO_OPTIONS:
        raise ConfigInvalid(
            f"Selected dependencies have no effect: {source.path.name} is built as it is.",
            "Install them there, or run `buildstatic generate dockerfile` with the same options.",
        )
    return source


def _check_dockerfile(
    project: Project, source: DockerfileSource, request: BuildRequest, report: Reporter
) -> None:
    """Raise ConfigInvalid or StaticRootInvalid for what would fail later, or warn of what may."""
    serve, target = request.options.serve, request.options.target
    if source.path is None and project.dependencies is None:
        raise ConfigInvalid(
            f"{project.root} declares no dependencies that can be installed.",
            how_to_add("\n".join(imported_distributions(*read_settings(project))), None),
        )
    has_assets_image = ASSETS_STAGES.issubset(source.stages)
    if serve and not has_assets_image:
        raise ConfigInvalid(
            f"--serve {serve}: the existing Dockerfile has no stages assets and manifest.",
            f"Run `buildstatic generate dockerfile --serve {serve} --force` to overwrite it.",
        )
    if target and target.lower() not in source.stages:
        stages = ", ".join(filter(None, source.stages))
        raise ConfigInvalid(f"The Dockerfile has no stage {target}.", f"It has: {stages}.")
    if request.options.keep and (request.expected is None or not request.expected.required):
        problem = f"The image of {target or 'the last stage'} has no static files to keep."
        advice = f"Set --target {ASSETS}." if has_assets_image else "Omit --keep."
        raise ConfigInvalid(problem, advice)
    if "static" in source.stages:
        check_layer_location(project, owns_data=f"--home-dir {DATA}" in source.dockerfile)
    for edit in application_edits(project):
        report.warn(f"{edit.file}, {edit.where}: {edit.why}\n\n{edit.text}")
    from rich.filesize import decimal

    size = measure(read_context(request.context, request.dockerignore))
    if size.bytes > LARGE_CONTEXT:
        largest = ", ".join(f"{name} ({decimal(count)})" for name, count in size.largest)
        report.warn(
            f"The build context is {decimal(size.bytes)}, all of which is sent to the builder. "
            f"Largest: {largest}. Add what the build does not need to .dockerignore."
        )


@contextmanager
def _complete(
    request: BuildRequest, source: DockerfileSource, variants: Path | None
) -> Iterator[BuildRequest]:
    """Yield *request* with the variants and the wheel of the running buildstatic."""
    contexts = {PREVIOUS_STAGE: variants} if variants else {}
    if WHEELS_STAGE not in source.stages:
        yield dataclasses.replace(request, contexts=contexts)
        return
    with temporary_wheel() as wheel:
        contexts[WHEELS_STAGE] = wheel.parent
        # The last argument of a name is used: the one on the command line.
        build_args = (f"BUILDSTATIC=/wheels/{wheel.name}", *request.options.build_args)
        options = dataclasses.replace(request.options, build_args=build_args)
        yield dataclasses.replace(request, options=options, contexts=contexts)


def expected_files(
    project: Project, stages: Sequence[str], target: str | None
) -> ExpectedFiles | None:
    """Return the static files that the image of *target* contains, None if it has none.

    *stages* are those of `DockerfileSource`.
    """
    target = target.lower() if target else None
    has_assets_image = ASSETS_STAGES.issubset(stages)
    is_final = target in (None, *stages[-1:], str(len(stages) - 1))
    if has_assets_image and is_final:
        # At most the manifest, in the tree or in a place of its own.
        return ExpectedFiles(None, required=False, is_in_context=False)
    is_assets = has_assets_image and target == ASSETS
    if not is_assets and not ("static" in stages and is_final):
        return None
    tree = project.static_root.value if project.static_root else None
    return ExpectedFiles(tree, is_in_context=bool(tree and (project.root / tree).exists()))
