"""``buildstatic build``: an image from a project, its static files in a layer of their own."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from buildstatic import console
from buildstatic.cli.options import (
    configured,
    manage_option,
    path_argument,
    serve_option,
    settings_option,
    traceback_option,
)
from buildstatic.cli.recipes import check_recipe, choose_recipe
from buildstatic.cli.reporting import files as counted
from buildstatic.cli.reporting import in_json, summary, warn_of_older
from buildstatic.cli.signals import terminable

if TYPE_CHECKING:
    from buildstatic.builders.build import Builder, Expected
    from buildstatic.builders.request import BuildRequest
    from buildstatic.dockerfile.assets import Assets
    from buildstatic.dockerfile.source import DockerfileSource
    from buildstatic.project import Project

PREVIOUS = "buildstatic-previous"
EPILOG = """\b
Examples:
  buildstatic build --tag mysite
  buildstatic build --tag registry.example.org/mysite:1.2 --push
  buildstatic build --export static       only the static files, no image
  buildstatic build --builder embedded    the static layer, with no engine
  buildstatic build --serve nginx --target assets --tag mysite-assets
  buildstatic build --tag mysite --json | tail -1 | jq -r .static.diff_id
"""


@click.command(epilog=EPILOG)
@path_argument
@click.option("--tag", "-t", "tags", multiple=True, metavar="NAME", help="Name of the image.")
@click.option("--target", metavar="STAGE", help="Build up to this stage.")
@click.option("--build-arg", "build_args", multiple=True, metavar="NAME=VALUE", help="Set an ARG.")
@click.option(
    "--secret", "secrets", multiple=True, metavar="id=NAME,src=FILE", help="Expose a secret."
)
@click.option("--cache-from", multiple=True, metavar="CACHE", help="Read a cache from elsewhere.")
@click.option("--cache-to", multiple=True, metavar="CACHE", help="Write a cache to elsewhere.")
@click.option("--platform", multiple=True, metavar="OS/ARCH", help="Platforms to build for.")
@click.option("--builder", metavar="NAME", help="A builder that buildx knows, or embedded.")
@click.option("--base", metavar="IMAGE", help="Embedded: put the static layer on this image.")
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Embedded: write the static layer into FILE.",
)
@click.option("--insecure", is_flag=True, help="Embedded, --reuse: allow registries without TLS.")
@click.option("--reuse", metavar="IMAGE", help="Take compressed variants from an earlier image.")
@click.option("--push", is_flag=True, help="Push the image to the registry of its tag.")
@click.option("--no-cache", is_flag=True, help="Run every step again.")
@click.option("--pull", is_flag=True, help="Look for newer base images.")
@click.option(
    "--export",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Only the static files, into DIR.",
)
@serve_option
@click.option("--json", "as_json", is_flag=True, help="End with a line of JSON on standard output.")
@click.option(
    "--python",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Embedded: the project's Python, in place of the one found.",
)
@manage_option
@settings_option
@traceback_option
@click.pass_context
def command(
    context: click.Context,
    /,
    path: Path,
    tags: tuple[str, ...],
    target: str | None,
    build_args: tuple[str, ...],
    secrets: tuple[str, ...],
    builder: str | None,
    base: str | None,
    output: Path | None,
    insecure: bool,
    reuse: str | None,
    push: bool,
    no_cache: bool,
    pull: bool,
    export: Path | None,
    serve: Assets | None,
    as_json: bool,
    python: Path | None,
    manage: str | None,
    settings: str | None,
    **_: object,
) -> None:
    """Build the image of the project in PATH, its static files in a layer of their own.

    Runs the project's Dockerfile if buildstatic wrote it or it has a stage named static, else the
    one that `buildstatic generate` would write. With docker buildx, or, where there is no docker
    command, by the engine's API.

    The builder embedded, which --base and --output choose too, needs no engine: the static files
    are collected here, by the project's own Python, and become a layer in FILE, or one on top of
    the image of --base. So they do where no engine answers and nothing else was asked for.
    """
    from buildstatic.builders.embedded import NAME
    from buildstatic.builders.request import BuildRequest
    from buildstatic.cli import embedded
    from buildstatic.cli.reusing import reusing
    from buildstatic.dockerfile.generate import static_root_in_image
    from buildstatic.oci.store import find_image
    from buildstatic.project.detect import detect

    if push and not tags:
        raise click.UsageError("--push needs a --tag to push to.")
    if export and (push or tags or target):
        raise click.UsageError("--export makes no image: leave out --tag, --target and --push.")
    said = _configured(context, path)
    builder, base = said["builder"], said["base"]
    is_embedded = bool(builder == NAME or base or output)
    if is_embedded and builder not in (None, NAME):
        raise click.UsageError(f"--base and --output are for the embedded builder, not {builder}.")
    if is_embedded and serve:
        raise click.UsageError("The embedded builder makes no server: leave out --serve.")
    if insecure and not (is_embedded or reuse):
        raise click.UsageError("--insecure is for --reuse and the embedded builder.")
    if python and not is_embedded:
        raise click.UsageError("--python is for the embedded builder: a Dockerfile has its own.")
    previous = find_image(reuse) if reuse else None
    project = detect(path, manage=manage, settings=settings)
    request = BuildRequest(
        context=project.root,
        dockerfile="",
        tags=tags,
        target="export" if export else target,
        build_args=build_args,
        secrets=secrets,
        cache_from=said["cache_from"],
        cache_to=said["cache_to"],
        platforms=tuple(name for names in said["platform"] for name in names.split(",")),
        builder=builder,
        push=push,
        no_cache=no_cache,
        pull=pull,
        export=export,
    )
    words = [f"--path={path}", *([f"--manage={manage}"] if manage else [])]
    words += [f"--settings={settings}"] if settings else []
    words += [f"--python={python}"] if python else []
    wanted = None
    if is_embedded:
        wanted = embedded.wanted(request, base, output, insecure, words)
    else:
        recipe = choose_recipe(project, serve)
        request = _with_recipe(request, recipe)
        check_recipe(project, recipe, request, serve)
        found = embedded.choose_builder(request, is_for_image=bool(serve))
        if found is None:
            console.note(embedded.NOTE)
            wanted = embedded.wanted(request, None, None, insecure, words)
        elif previous and not recipe.has_stage(PREVIOUS):
            console.warn(f"The Dockerfile has no stage {PREVIOUS}: --reuse does nothing.")
            previous = None
    with (
        terminable(),
        reusing(previous, static_root_in_image(project), insecure=insecure) as variants,
    ):
        if wanted:
            embedded.run(project, request, wanted.reusing(variants), as_json)
        elif found:
            request = dataclasses.replace(request, previous=variants)
            _run(project, recipe, request, found, as_json)


def _configured(context: click.Context, path: Path) -> dict[str, Any]:
    """Return what was given, completed by the file; each builder gets what is for it alone."""
    from buildstatic.builders.embedded import NAME

    given = context.params
    said = configured(context, "build", path, given)
    if not (given["base"] or given["output"] or said["builder"] == NAME):
        return {**said, "base": None}
    base = said["base"] if given["tags"] else given["base"]
    return {**given, "builder": given["builder"] or NAME, "base": base}


def _with_recipe(request: BuildRequest, recipe: DockerfileSource) -> BuildRequest:
    return dataclasses.replace(
        request, dockerfile=recipe.dockerfile, dockerignore=recipe.dockerignore
    )


def _run(
    project: Project,
    recipe: DockerfileSource,
    request: BuildRequest,
    builder: Builder,
    as_json: bool,
) -> None:
    from buildstatic.builders import build as image
    from buildstatic.cli.stages import view

    export = request.export
    brings_itself = recipe.has_stage("buildstatic-wheels")
    with image.wheels() as directory:
        if brings_itself:
            request = _with_wheels(request, directory)
        if builder.name == "engine API":
            console.note("No docker buildx here: building by the engine's API.")
        files = 0
        with view(image.own_stages(request.dockerfile)) as on_event:
            if export:
                report, files = image.export(builder, request, export, on_event)
            else:
                expected = _expected(project, recipe, request.target)
                report = image.build(builder, request, expected, on_event)
    say = console.note if as_json else console.say
    summary(report, request, say, names_only=_has_names_only(recipe, request.target))
    warn_of_older(report)
    if export:
        say(f"{counted(files, 'static ')} in {export}.")
    if as_json:
        print(json.dumps(in_json(report)))


def _expected(project: Project, recipe: DockerfileSource, target: str | None) -> Expected | None:
    from buildstatic.builders.build import Expected
    from buildstatic.dockerfile.source import ASSETS

    if _has_names_only(recipe, target):
        # Beside the tree or in it: the manifest may have a place of its own.
        return Expected(None, manifest_only=True)
    is_served = recipe.has_assets_image and target is not None and target.lower() == ASSETS
    if not is_served and not (recipe.has_stage("static") and recipe.is_final(target)):
        return None
    return Expected(project.static_root.value if project.static_root else None)


def _has_names_only(recipe: DockerfileSource, target: str | None) -> bool:
    return recipe.has_assets_image and recipe.is_final(target)


def _with_wheels(request: BuildRequest, directory: Path) -> BuildRequest:
    """Bring the running version, unless the person has named another one."""
    if any(argument.startswith("BUILDSTATIC=") for argument in request.build_args):
        return dataclasses.replace(request, wheels=directory)
    (wheel,) = directory.iterdir()
    argument = f"BUILDSTATIC=/wheels/{wheel.name}"
    arguments = (*request.build_args, argument)
    return dataclasses.replace(request, wheels=directory, build_args=arguments)
