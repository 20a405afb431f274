"""``build``: builds an image of a project, with its static files in a separate layer."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from buildstatic.builders import choose_builder
from buildstatic.builders.base import BuildOptions, BuildRequest, BuildResult, ExpectedFiles
from buildstatic.builders.context import temporary_wheel
from buildstatic.builders.embedded import NAME as EMBEDDED
from buildstatic.builders.embedded import EmbeddedBuilder
from buildstatic.builders.progress import dockerfile_stages
from buildstatic.dockerfile import assets
from buildstatic.dockerfile.dockerignore import measure, read_context
from buildstatic.dockerfile.source import ASSETS, ASSETS_STAGES, DockerfileSource, choose_dockerfile
from buildstatic.dockerfile.static_root import DATA, check_layer_location, static_root_in_image
from buildstatic.errors import (
    ConfigInvalid,
    EngineNotFound,
    ImageInvalid,
    ImageNotFound,
    RegistryDenied,
    RegistryUnavailable,
    StaticLayerNotFound,
)
from buildstatic.oci.append import keep_earlier
from buildstatic.oci.earlier_releases import EarlierReleases, check_same_tree, open_earlier
from buildstatic.oci.reference import EngineReference, Reference, parse_reference, with_tag
from buildstatic.oci.reuse import extract_variants
from buildstatic.oci.stores import find_image
from buildstatic.oci.stores.engine import replace_tags
from buildstatic.platforms.options import read_dockerfile
from buildstatic.project import Project
from buildstatic.project.detect import detect
from buildstatic.project.edits import application_edits
from buildstatic.project.manage import read_settings
from buildstatic.project.packages.distributions import how_to_add, imported_distributions
from buildstatic.project.packages.known import NO_OPTIONS, DependencyOptions
from buildstatic.verify.apps import app_of
from buildstatic.workflows import SILENT, Reporter
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
    project = detect(path, manage=manage, settings=settings, dependencies=dependencies)
    is_embedded = options.builder == EMBEDDED or options.base or options.output
    options = dataclasses.replace(
        options,
        target="export" if options.export else options.target,
        builder=EMBEDDED if is_embedded else options.builder,
    )
    request = BuildRequest(project.root, "", options)
    apps: dict[str, str] = {}

    def collect(layer_root: Path, reuse: Path | None = None) -> Path:
        tree, plan = collect_tree(
            project,
            layer_root,
            verbosity=verbosity,
            reuse=reuse,
            python=python,
            with_plan=with_apps,
            isolate=isolate,
            report=report,
        )
        root = str(project.root.resolve())
        for file in plan["files"] if plan else ():
            apps[file["path"]] = app_of(file["source"], file["path"], root)
        return tree

    base = find_image(options.base) if options.base else None
    embedded = EmbeddedBuilder(project, collect, base)
    if is_embedded:
        embedded.check(request)
        with _earlier_releases(options, static_root_in_image(project)) as earlier:
            embedded = dataclasses.replace(embedded, earlier=earlier)
            outcome = _build_embedded(embedded, request, previous, report)
            return dataclasses.replace(outcome, apps=apps)
    source = _choose_dockerfile(project, options, dependencies, report)
    expected = None if options.export else expected_files(project, source.stages, options.target)
    request = BuildRequest(
        project.root, source.dockerfile, options, source.dockerignore, expected=expected
    )
    _check_dockerfile(project, source, request, report)
    builder = choose_builder(request, None if options.serve else embedded)
    if builder is embedded:
        report.note("No Docker engine responds: building the static layer only.")
        outcome = _build_embedded(embedded, request, previous, report)
        return dataclasses.replace(outcome, apps=apps)
    if previous and PREVIOUS_STAGE not in source.stages:
        report.warn(f"The Dockerfile has no stage {PREVIOUS_STAGE}: --reuse has no effect.")
        previous = None
    tree = static_root_in_image(project)
    with (
        _earlier_releases(options, None if source.path else tree) as earlier,
        _reusable_variants(previous, tree, options.insecure, report) as variants,
    ):
        if builder.name == "engine API":
            report.note("docker buildx is not available: building with the engine's API.")
        with (
            _complete(request, source, variants) as complete,
            report.build_view(dockerfile_stages(complete.dockerfile)) as on_event,
        ):
            result = builder.build(complete, on_event)
        if earlier:
            result = _keep_earlier(result, options, earlier, report)
    _note_commands(project, result, report)
    port = read_dockerfile(source.dockerfile).port or DEFAULT_PORT
    return BuildOutcome(
        result,
        manifest_only=expected is not None and not expected.required,
        run_options=run_options(project, port),
    )


def run_options(project: Project, port: int) -> tuple[str, ...]:
    """Return the options of ``docker run`` for an image of *project* that listens on *port*."""
    variables = [variable.name for variable in project.variables if variable.required]
    connection = project.connection.value if project.connection else None
    if connection and connection.engine not in ("sqlite", "dummy"):
        variables += filter(None, (connection.url, *connection.parts.values()))
    names = dict.fromkeys(variables)
    return (f"--publish={port}:{port}", *(f"--env={name}" for name in names))


def _build_embedded(
    builder: EmbeddedBuilder,
    request: BuildRequest,
    previous: Reference | None,
    report: Reporter,
) -> BuildOutcome:
    """Run *builder*, whose *collect* reuses the variants of the image *previous*."""
    tree = static_root_in_image(builder.project)
    with _reusable_variants(previous, tree, request.options.insecure, report) as variants:
        builder = dataclasses.replace(builder, collect=partial(builder.collect, reuse=variants))
        result = builder.build(request, lambda *_: None)
    _note_commands(builder.project, result, report)
    return BuildOutcome(result)


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
    """Raise ConfigInvalid or StaticRootInvalid for what would fail later in the build."""
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
def _earlier_releases(options: BuildOptions, tree: str | None) -> Iterator[EarlierReleases | None]:
    """Yield the static layers of the image to keep, None if there is no such option."""
    if options.keep is None:
        yield None
        return
    image = find_image(options.keep)
    with open_earlier(image, tree, options.keep_releases, insecure=options.insecure) as earlier:
        yield earlier


def _keep_earlier(
    result: BuildResult, options: BuildOptions, earlier: EarlierReleases, report: Reporter
) -> BuildResult:
    """Put *earlier* below the static layer of each tag of the built image."""
    assert result.static is not None
    check_same_tree(str(earlier.source.reference), earlier.tree, result.static.path)
    count = len(earlier.below(result.static.diff_id))
    if not count:
        return result
    releases = "one earlier release" if count == 1 else f"{count} earlier releases"
    report.note(f"Adding the static files of {releases}.")
    started = time.monotonic()
    first, *others = options.tags
    if options.push:
        for tag in options.tags:
            done = keep_earlier(
                parse_reference(tag), result.static.diff_id, earlier, insecure=options.insecure
            )
        image_id = done.digest
    else:
        image = EngineReference(with_tag(first))
        done = keep_earlier(image, result.static.diff_id, earlier)
        image_id = replace_tags(image, others, result.id)
    seconds = round(result.seconds + time.monotonic() - started, 2)
    return dataclasses.replace(result, id=image_id, earlier=done.earlier, seconds=seconds)


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


@contextmanager
def _reusable_variants(
    image: Reference | None, tree: str, insecure: bool, report: Reporter
) -> Iterator[Path | None]:
    """Yield a directory with the variants that *image* has below *tree*, None if it has none.

    Warns if there is no such image, as for the first build, or if it cannot be read.
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
            ImageInvalid,
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
