"""``build``: builds an image of a project, with its static files in a separate layer."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from buildstatic.builders.base import BuildRequest, BuildResult, ExpectedFiles
from buildstatic.builders.choose import choose_builder
from buildstatic.builders.context import measure, read_context
from buildstatic.builders.embedded import NAME as EMBEDDED
from buildstatic.builders.embedded import EmbeddedBuilder
from buildstatic.builders.progress import dockerfile_stages
from buildstatic.builders.wheel import wheels
from buildstatic.dockerfile import assets
from buildstatic.dockerfile.assets import Assets
from buildstatic.dockerfile.generate import static_root_in_image
from buildstatic.dockerfile.source import ASSETS, DockerfileSource, choose_dockerfile
from buildstatic.errors import (
    ConfigInvalid,
    EngineNotFound,
    ImageNotFound,
    RegistryDenied,
    RegistryUnavailable,
    StaticLayerNotFound,
)
from buildstatic.oci.layer_location import check_static_root
from buildstatic.oci.reference import Reference
from buildstatic.oci.reuse import extract_variants
from buildstatic.oci.store import find_image
from buildstatic.platforms.server import missing_package_warnings
from buildstatic.project import Project
from buildstatic.project.detect import detect
from buildstatic.workflows.generate import GenerateOptions, dockerfile_options
from buildstatic.workflows.layer import collect_tree
from buildstatic.workflows.reporter import SILENT, Reporter

PREVIOUS_STAGE = "buildstatic-previous"
WHEELS_STAGE = "buildstatic-wheels"
LARGE_CONTEXT = 1 << 30  # bytes


@dataclass(frozen=True)
class BuildOptions:
    """The options of a build, as on the command line.

    *builder* is a builder of buildx, or ``embedded``. *base* and *output* are for the embedded
    builder: the image that gets the layer, under each of *tags*, and the file that the layer is
    written to. *reuse* is an earlier image whose compressed variants are used again. *insecure*
    allows registries without TLS for both. *export* is a directory for the static files, in place
    of an image; *serve* a server for them in an image of its own.
    """

    tags: tuple[str, ...] = ()
    target: str | None = None
    build_args: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    builder: str | None = None
    base: str | None = None
    output: Path | None = None
    reuse: str | None = None
    insecure: bool = False
    push: bool = False
    no_cache: bool = False
    pull: bool = False
    export: Path | None = None
    serve: Assets | None = None


@dataclass(frozen=True)
class BuildOutcome:
    """The *result* of the builder.

    With *manifest_only* the image contains at most the manifest: the static files are in the image
    of the target ``assets``.
    """

    result: BuildResult
    manifest_only: bool = False


def build(
    path: Path,
    options: BuildOptions = BuildOptions(),
    *,
    manage: str | None = None,
    settings: str | None = None,
    python: Path | None = None,
    verbosity: int = 1,
    isolate: bool = True,
    report: Reporter = SILENT,
) -> BuildOutcome:
    """Build the image of the project in the directory *path*.

    Runs the project's Dockerfile if it has a stage named static, else the generated one. The
    embedded builder, which also runs if no engine responds and no image was requested, collects on
    this machine with *python*, *verbosity* and *isolate* as `collect` does.

    Raises EngineNotFound, EngineUnusable, EngineFailed, StageFailed, UnsupportedByBuilder,
    StaticLayerNotFound, StaticRootInvalid, ImageReferenceInvalid, ImageNotFound, ImageInvalid,
    ConfigInvalid, what the registries raise, and what `buildstatic.workflows.collect.collect`
    raises.
    """
    previous = find_image(options.reuse) if options.reuse else None
    project = detect(path, manage=manage, settings=settings)
    request = _request(project, options)
    collect = partial(
        collect_tree, project, verbosity=verbosity, python=python, isolate=isolate, report=report
    )
    base = find_image(options.base) if options.base else None
    embedded = EmbeddedBuilder(project, collect, options.output, base, options.insecure)
    if request.builder == EMBEDDED:
        embedded.check(request)
        return _build_embedded(embedded, collect, request, previous, report)
    source = _choose_dockerfile(project, options.serve, report)
    request = dataclasses.replace(
        request, dockerfile=source.dockerfile, dockerignore=source.dockerignore
    )
    _check_dockerfile(project, source, request, options.serve, report)
    builder = choose_builder(request, None if options.serve else embedded)
    builder.check(request)
    if builder is embedded:
        report.note("No Docker engine responds: building the static layer only.")
        return _build_embedded(embedded, collect, request, previous, report)
    if previous and not source.has_stage(PREVIOUS_STAGE):
        report.warn(f"The Dockerfile has no stage {PREVIOUS_STAGE}: --reuse has no effect.")
        previous = None
    tree = static_root_in_image(project)
    with _reusable_variants(previous, tree, options.insecure, report) as variants:
        if builder.name == "engine API":
            report.note("docker buildx is not available: building with the engine's API.")
        with (
            _complete(request, source, project, variants) as complete,
            report.build_view(dockerfile_stages(complete.dockerfile)) as on_event,
        ):
            result = builder.build(complete, on_event)
    manifest_only = source.has_assets_image and source.is_final(request.target)
    return BuildOutcome(result, manifest_only and not options.export)


def _request(project: Project, options: BuildOptions) -> BuildRequest:
    is_embedded = options.builder == EMBEDDED or options.base or options.output
    return BuildRequest(
        context=project.root,
        dockerfile="",
        tags=options.tags,
        target="export" if options.export else options.target,
        build_args=options.build_args,
        secrets=options.secrets,
        cache_from=options.cache_from,
        cache_to=options.cache_to,
        platforms=options.platforms,
        builder=EMBEDDED if is_embedded else options.builder,
        push=options.push,
        no_cache=options.no_cache,
        pull=options.pull,
        export=options.export,
    )


def _build_embedded(
    builder: EmbeddedBuilder,
    collect: Callable[..., Path],
    request: BuildRequest,
    previous: Reference | None,
    report: Reporter,
) -> BuildOutcome:
    """Run *builder*, with *collect* reusing the variants of the image *previous*."""
    tree = static_root_in_image(builder.project)
    with _reusable_variants(previous, tree, builder.insecure, report) as variants:
        builder = dataclasses.replace(builder, collect=partial(collect, reuse=variants))
        return BuildOutcome(builder.build(request, lambda *_: None))


def _choose_dockerfile(
    project: Project, serve: Assets | None, report: Reporter
) -> DockerfileSource:
    """Return the project's own Dockerfile or a generated one, with *serve* as its server."""
    options = GenerateOptions.configured(project.root, **({"serve": serve} if serve else {}))
    for text in (*project.notes, *(assets.assumptions(project) if options.serve else ())):
        report.note(text)
    source = choose_dockerfile(project, dockerfile_options(project, options))
    if source.skipped:
        report.warn(
            f"{source.skipped.name} has no stage named static: using the generated one instead."
        )
    if source.path is None:
        for text in missing_package_warnings(project, options.server):
            report.warn(text)
    return source


def _check_dockerfile(
    project: Project,
    source: DockerfileSource,
    request: BuildRequest,
    serve: Assets | None,
    report: Reporter,
) -> None:
    """Raise ConfigInvalid or StaticRootInvalid for what would fail later in the build."""
    if source.path is None and project.dependencies is None:
        raise ConfigInvalid(
            f"{project.root} declares no dependencies that can be installed.",
            "Add a lock file or a requirements.txt; `buildstatic check` says what is missing.",
        )
    if serve and not source.has_assets_image:
        raise ConfigInvalid(
            f"--serve {serve}: the existing Dockerfile has no stages assets and manifest.",
            f"Run `buildstatic generate dockerfile --serve {serve} --force` to overwrite it.",
        )
    if request.target and not source.has_stage(request.target.lower()):
        stages = ", ".join(filter(None, source.stages))
        raise ConfigInvalid(f"The Dockerfile has no stage {request.target}.", f"It has: {stages}.")
    if source.has_stage("static"):
        check_static_root(project)
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
    request: BuildRequest, source: DockerfileSource, project: Project, variants: Path | None
) -> Iterator[BuildRequest]:
    """Yield *request* with the variants, the running buildstatic, and the files to expect."""
    request = dataclasses.replace(request, previous=variants, expected=None)
    if not request.export:
        request = dataclasses.replace(request, expected=_expected(project, source, request.target))
    if not source.has_stage(WHEELS_STAGE):
        yield request
        return
    with wheels() as directory:
        build_args = request.build_args
        if not any(argument.startswith("BUILDSTATIC=") for argument in build_args):
            (wheel,) = directory.iterdir()
            build_args = (*build_args, f"BUILDSTATIC=/wheels/{wheel.name}")
        yield dataclasses.replace(request, wheels=directory, build_args=build_args)


def _expected(
    project: Project, source: DockerfileSource, target: str | None
) -> ExpectedFiles | None:
    """Return the static files that the image of *target* must contain, None if it has none."""
    if source.has_assets_image and source.is_final(target):
        # The manifest is in the tree, or in a place of its own.
        return ExpectedFiles(None, manifest_only=True)
    is_assets = source.has_assets_image and target is not None and target.lower() == ASSETS
    if not is_assets and not (source.has_stage("static") and source.is_final(target)):
        return None
    return ExpectedFiles(project.static_root.value if project.static_root else None)


@contextmanager
def _reusable_variants(
    image: Reference | None, tree: str, insecure: bool, report: Reporter
) -> Iterator[Path | None]:
    """Yield a directory with the variants that *image* has below *tree*, None if it has none.

    Warns if there is no such image, as for the first build. Raises ImageInvalid.
    """
    if image is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="buildstatic-previous-") as temporary:
        directory = Path(temporary)
        try:
            count = extract_variants(image, tree, directory, insecure=insecure)
        except (
            EngineNotFound,
            ImageNotFound,
            RegistryDenied,
            RegistryUnavailable,
            StaticLayerNotFound,
        ) as error:
            report.warn(f"Nothing to reuse: {error.problem} Building without it.")
            count = 0
        else:
            report.note(f"{count:,} variants of {image} can be reused.")
        yield directory if count else None
