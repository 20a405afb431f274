"""What is built: the project's Dockerfile or a generated one, checked before a builder runs."""

from __future__ import annotations

from collections.abc import Sequence

from buildstatic.builders.base import BuildOptions, BuildRequest, ExpectedFiles
from buildstatic.dockerfile import assets
from buildstatic.dockerfile.build_context import measure, read_context
from buildstatic.dockerfile.layer_location import check_layer_location
from buildstatic.dockerfile.source import ASSETS, ASSETS_STAGES, DockerfileSource, choose_dockerfile
from buildstatic.dockerfile.static_root import DATA, static_root_in_context
from buildstatic.errors import ConfigInvalid
from buildstatic.project import Project
from buildstatic.project.edits import application_edits
from buildstatic.project.manage import read_settings
from buildstatic.project.packages.distributions import how_to_add, imported_distributions
from buildstatic.project.packages.known import NO_OPTIONS, DependencyOptions
from buildstatic.workflows import Reporter
from buildstatic.workflows.generate import configured_dockerfile

LARGE_CONTEXT = 1 << 30  # bytes


def choose_source(
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


def checked_request(
    project: Project, source: DockerfileSource, options: BuildOptions, report: Reporter
) -> BuildRequest:
    """Return the build of *source*, and warn of what may fail.

    Raises ConfigInvalid or StaticRootInvalid for what would fail later.
    """
    context = read_context(project.root, source.dockerignore)
    expected = None
    if not options.export:
        expected = expected_files(project, source.stages, options.target, context.paths)
    _check_options(project, source, options, expected)
    if "static" in source.stages:
        check_layer_location(project, owns_data=f"--home-dir {DATA}" in source.dockerfile)
    for edit in application_edits(project):
        report.warn(f"{edit.file}, {edit.where}: {edit.why}\n\n{edit.text}")
    size = measure(context)
    if size.bytes > LARGE_CONTEXT:
        from rich.filesize import decimal

        largest = ", ".join(f"{name} ({decimal(count)})" for name, count in size.largest)
        report.warn(
            f"The build context is {decimal(size.bytes)}, all of which is sent to the builder. "
            f"Largest: {largest}. Add what the build does not need to .dockerignore."
        )
    return BuildRequest(
        project.root,
        source.dockerfile,
        options,
        source.dockerignore,
        source.stages,
        expected=expected,
    )


def _check_options(
    project: Project,
    source: DockerfileSource,
    options: BuildOptions,
    expected: ExpectedFiles | None,
) -> None:
    """Raise ConfigInvalid if the Dockerfile does not support *options*."""
    serve, target = options.serve, options.target
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
    if options.keep and (expected is None or not expected.required):
        problem = f"The image of {target or 'the last stage'} has no static files to keep."
        advice = f"Set --target {ASSETS}." if has_assets_image else "Omit --keep."
        raise ConfigInvalid(problem, advice)


def expected_files(
    project: Project, stages: Sequence[str], target: str | None, sent: Sequence[str]
) -> ExpectedFiles | None:
    """Return the static files that the image of *target* contains, None if it has none.

    *stages* are those of `DockerfileSource`, *sent* are the paths in the build context.
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
    place = static_root_in_context(project) if tree else None
    is_in_context = place is not None and (
        place == "." or any(f"{path}/".startswith(f"{place}/") for path in sent)
    )
    return ExpectedFiles(tree, is_in_context=is_in_context)
