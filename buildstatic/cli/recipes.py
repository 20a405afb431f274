"""Which Dockerfile ``build`` builds, and whether it can."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from buildstatic import console

if TYPE_CHECKING:
    from buildstatic.builders.request import BuildRequest
    from buildstatic.dockerfile.assets import Assets
    from buildstatic.dockerfile.source import DockerfileSource
    from buildstatic.project import Project

LARGE_CONTEXT = 1 << 30


def choose_recipe(project: Project, assets: Assets | None) -> DockerfileSource:
    """Return what builds *project*: its own Dockerfile, or a generated one, served by *assets*.

    Warnings and notes of it are printed.
    """
    from buildstatic.cli.files import configured_wishes, dockerfile_options
    from buildstatic.dockerfile import assets as served
    from buildstatic.dockerfile.source import choose_dockerfile
    from buildstatic.platforms.server import missing_package_warnings

    wishes = configured_wishes(project)
    wishes = dataclasses.replace(wishes, serve=assets or wishes.serve)
    for text in (*project.notes, *(served.assumptions(project) if wishes.serve else ())):
        console.note(text)
    recipe = choose_dockerfile(project, dockerfile_options(project, wishes))
    if recipe.skipped:
        console.warn(f"{recipe.skipped.name} has no stage named static: the generated one runs.")
    if recipe.path is None:
        for text in missing_package_warnings(project, wishes.server):
            console.warn(text)
    return recipe


def check_recipe(
    project: Project, recipe: DockerfileSource, request: BuildRequest, serve: Assets | None
) -> None:
    """Raise `ConfigInvalid`, `ConfigInvalid` or `StaticRootInvalid` for what would fail later.

    A large context is warned of.
    """
    from buildstatic.errors import ConfigInvalid
    from buildstatic.oci.layer_location import check_static_root

    if recipe.path is None and project.dependencies is None:
        raise ConfigInvalid(
            f"{project.root} names no dependencies that can be installed.",
            "`buildstatic check` says what is missing: a lock file, or a requirements.txt.",
        )
    if serve and not recipe.has_assets_image:
        raise ConfigInvalid(
            f"--serve {serve}: the Dockerfile that is there has no stages assets and manifest.",
            f"`buildstatic generate dockerfile --serve {serve} --force` writes it anew.",
        )
    if request.target and not recipe.has_stage(request.target.lower()):
        known = ", ".join(filter(None, recipe.stages))
        raise ConfigInvalid(f"There is no stage {request.target}.", f"There are: {known}.")
    if recipe.has_stage("static"):
        check_static_root(project)
    _warn_of_size(request)


def _warn_of_size(request: BuildRequest) -> None:
    from buildstatic.builders.context import measure, read_context

    size = measure(read_context(request.context, request.dockerignore))
    if size.bytes > LARGE_CONTEXT:
        largest = ", ".join(f"{name} ({console.size(count)})" for name, count in size.largest)
        console.warn(
            f"The context is {console.size(size.bytes)}, all of it sent to the builder. "
            f"Largest: {largest}. Name in .dockerignore what the build does not need."
        )
