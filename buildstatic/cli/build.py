"""``buildstatic build``: builds an image, or the static layer alone, and prints what it made."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from buildstatic.cli.options import (
    DROPPED,
    chosen_dependencies,
    configured,
    dependency_options,
    keep_options,
    manage_option,
    path_argument,
    serve_option,
    settings_option,
    traceback_option,
)

if TYPE_CHECKING:
    from buildstatic.builders.base import BuildResult
    from buildstatic.dockerfile.assets import Assets
    from buildstatic.workflows.build import BuildOptions, BuildOutcome

EMBEDDED = "embedded"
EPILOG = """\b
Examples:
  buildstatic build --tag mysite
  buildstatic build --tag registry.example.org/mysite:1.2 --push
  buildstatic build --export static       export the static files, build no image
  buildstatic build --builder embedded    write the static layer, without an engine
  buildstatic build --serve nginx --target assets --tag mysite-assets
  buildstatic build --tag mysite --json | tail -1 | jq -r .static.diff_id
"""


@click.command(epilog=EPILOG)
@path_argument
@click.option("--tag", "-t", "tags", multiple=True, metavar="NAME", help="Name of the image.")
@click.option("--target", metavar="STAGE", help="Stage to build. [default: the last one]")
@click.option(
    "--build-arg", "build_args", multiple=True, metavar="NAME=VALUE", help="Set a build argument."
)
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="id=NAME,src=FILE",
    help="Expose a secret to the build.",
)
@click.option("--cache-from", multiple=True, metavar="CACHE", help="External cache to read.")
@click.option("--cache-to", multiple=True, metavar="CACHE", help="External cache to write.")
@click.option("--platform", multiple=True, metavar="OS/ARCH", help="Platforms to build for.")
@click.option(
    "--builder", metavar="NAME", help="Builder of buildx, or embedded. [default: the one in use]"
)
@click.option("--base", metavar="IMAGE", help="Embedded: image to put the static layer on.")
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Embedded: file to write the static layer to. [default: static-layer.tar.gz]",
)
@click.option(
    "--insecure", is_flag=True, help="Embedded, --reuse, --keep: allow registries without TLS."
)
@click.option("--reuse", metavar="IMAGE", help="Reuse compressed variants of an earlier image.")
@keep_options
@click.option("--push", is_flag=True, help="Push the image to the registry of its tag.")
@click.option("--sbom", is_flag=True, help="Attach a software bill of materials to the image.")
@click.option("--provenance", is_flag=True, help="Attach the provenance of the image.")
@click.option("--no-cache", is_flag=True, help="Do not use cached steps.")
@click.option("--pull", is_flag=True, help="Check for newer base images.")
@click.option(
    "--export",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write only the static files, to DIR.",
)
@serve_option
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON to standard output.")
@click.option(
    "--report-html",
    "page",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page about the static files to FILE, as verify --html does.",
)
@click.option(
    "--python",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Embedded: Python interpreter of the project. [default: the one found]",
)
@manage_option
@settings_option
@dependency_options
@traceback_option
@click.pass_context
def command(
    context: click.Context,
    /,
    path: Path,
    tags: tuple[str, ...],
    target: str | None,
    base: str | None,
    output: Path | None,
    insecure: bool,
    reuse: str | None,
    push: bool,
    sbom: bool,
    provenance: bool,
    export: Path | None,
    serve: Assets | None,
    as_json: bool,
    page: Path | None,
    python: Path | None,
    manage: str | None,
    settings: str | None,
    requirements: tuple[str, ...],
    groups: tuple[str, ...],
    extras: tuple[str, ...],
    **values: Any,
) -> None:
    """Build the image of the project in PATH, with its static files in a separate layer.

    Runs the project's Dockerfile if buildstatic wrote it or it has a stage named static, otherwise
    the one that `buildstatic generate` would write; with docker buildx, or with the engine's API if
    there is no docker command.

    The embedded builder (also selected by --base or --output) needs no engine: the project's own
    Python collects the static files on this machine, and they become a layer in FILE, or one on top
    of the image of --base. It is also used if no engine responds and no image was requested.
    """
    from buildstatic import console
    from buildstatic.cli.build_view import build_view
    from buildstatic.cli.progress import reporter, terminable
    from buildstatic.workflows.build import BuildOptions, build

    if push and not tags:
        raise click.UsageError("--push requires --tag.")
    if export and (push or tags or target):
        raise click.UsageError("--export does not build an image: omit --tag, --target and --push.")
    values = _configured(context, path)
    builder, base = values["builder"], values["base"]
    is_embedded = bool(builder == EMBEDDED or base or output)
    if is_embedded and builder not in (None, EMBEDDED):
        raise click.UsageError(f"--base and --output are for the embedded builder, not {builder}.")
    if is_embedded and serve:
        raise click.UsageError("The embedded builder does not support --serve.")
    keep = values["keep"]
    if keep and not tags:
        raise click.UsageError("--keep requires --tag.")
    if keep and (sbom or provenance) and not is_embedded:
        raise click.UsageError(
            "--keep changes the finished image, which its attestations would not describe: omit"
            " --sbom and --provenance."
        )
    if insecure and not (is_embedded or reuse or keep):
        raise click.UsageError("--insecure requires --reuse, --keep or the embedded builder.")
    if python and not is_embedded:
        raise click.UsageError(
            "--python requires the embedded builder: a Dockerfile uses its own Python."
        )
    if is_embedded and (requirements or groups or extras):
        raise click.UsageError(
            "--requirement, --group and --extra require a Dockerfile: the embedded builder runs"
            " the project's Python."
        )
    options = BuildOptions(
        tags=tags,
        target=target,
        build_args=values["build_args"],
        secrets=values["secrets"],
        cache_from=values["cache_from"],
        cache_to=values["cache_to"],
        platforms=tuple(name for names in values["platform"] for name in names.split(",")),
        builder=builder,
        base=base,
        output=output,
        reuse=reuse,
        insecure=insecure,
        push=push,
        sbom=sbom,
        provenance=provenance,
        no_cache=values["no_cache"],
        pull=values["pull"],
        export=export,
        serve=serve,
        keep=keep,
        keep_releases=values["keep_releases"],
    )
    if is_embedded:
        _check_tags(options)
    with terminable(), reporter(quiet=as_json) as report:
        outcome = build(
            path,
            options,
            manage=manage,
            settings=settings,
            dependencies=chosen_dependencies(requirements, groups, extras),
            python=python,
            verbosity=0 if as_json else 1,
            isolate=False,
            with_apps=page is not None,
            report=dataclasses.replace(report, build_view=build_view),
        )
    _print(outcome, options, console.note if as_json else console.say)
    if page is not None:
        _write_page(page, outcome, options)
    if as_json:
        print(json.dumps(_document(outcome.result)))
    else:
        console.next_command(*_next_command(outcome, options))


def _configured(context: click.Context, path: Path) -> dict[str, Any]:
    """Return all values, with the defaults of ``[tool.buildstatic.build]`` for the builder used.

    The embedded builder takes *builder*, *base* and what to keep from the file, other builders all
    but *base*. Without a tag no image is kept.
    """
    given = context.params
    values = configured(context, "build", path, given)
    if not given["tags"]:
        values["keep"] = given["keep"]
    if not (given["base"] or given["output"] or values["builder"] == EMBEDDED):
        return {**values, "base": None}
    base = values["base"] if given["tags"] else given["base"]
    keep = {name: values[name] for name in ("keep", "keep_releases")}
    return {**given, **keep, "builder": given["builder"] or EMBEDDED, "base": base}


def _check_tags(options: BuildOptions) -> None:
    """Raise UsageError if a tag of the embedded builder would be pushed, or not, by mistake."""
    from buildstatic.oci.reference import RegistryReference, parse_reference

    if bool(options.base) != bool(options.tags):
        raise click.UsageError("Without an engine --tag and --base must be used together.")
    for tag in map(parse_reference, options.tags):
        if options.push and not isinstance(tag, RegistryReference):
            raise click.UsageError(f"{tag} is not in a registry: omit --push.")
        if isinstance(tag, RegistryReference) and not options.push:
            raise click.UsageError(
                f"{tag} is in a registry: set --push, or use oci:DIR:TAG, docker:NAME or "
                "docker-archive:FILE."
            )


def _write_page(file: Path, outcome: BuildOutcome, options: BuildOptions) -> None:
    """Read what was built, and write the page about it to *file*."""
    from buildstatic.cli.verify import write_page
    from buildstatic.workflows.verify import VerifyOptions, verify

    result = outcome.result
    if options.export:
        name = str(options.export)
    elif result.layer and result.layer.path:
        name = str(result.layer.path)
    elif result.layer or options.push:
        name = options.tags[0]
    else:
        name = f"docker:{options.tags[0] if options.tags else result.id}"
    root = result.static.path if result.static and not options.export else None
    read = VerifyOptions(root, options.insecure, contents=True, apps=outcome.apps)
    write_page(file, verify(name, read))


def _print(outcome: BuildOutcome, options: BuildOptions, say: Callable[[str], None]) -> None:
    """Print what was built with *say*, and a warning about files of earlier layers."""
    from buildstatic import console

    result, static = outcome.result, outcome.result.static
    for stage in result.stages:
        say(f"  {stage.name:<20} {'cached' if stage.cached else f'{stage.seconds:.1f} s'}")
    say(f"  {'all':<20} {result.seconds:.1f} s")
    if result.id:
        say(f"image   {result.image or '(no tag)'} {result.id}")
    if static:
        manifest = ": the manifest" if outcome.manifest_only else ""
        size = console.size(static.bytes)
        say(f"static  {_files(static.files)}, {size}, in {static.path}{manifest}")
        same = " (the same layer as before)" if result.reused else " (new)"
        say(f"diffID  {static.diff_id}{'' if result.reused is None else same}")
        unknown = "not reported by the engine's API" if options.push else "none until it is pushed"
        say(f"digest  {static.digest or f'({unknown})'}")
    for diff_id in result.earlier:
        say(f"earlier {diff_id}, the static layer of an earlier release")
    for digest in result.dropped:
        say(f"dropped {digest}, {DROPPED}")
    if outcome.manifest_only:
        say("The static files are in another image: --target assets.")
    if result.layer and result.layer.path:
        say(f"layer   {console.size(result.layer.size)}, in {result.layer.path}")
    if static and static.older:
        console.warn(
            f"{static.older} files of an earlier layer are visible in {static.path}: add the old "
            "tree to .dockerignore."
        )
    if options.export:
        say(f"{_files(result.exported or 0, 'static ')} in {options.export}.")


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


def _files(count: int, kind: str = "") -> str:
    return f"{count} {kind}file{'' if count == 1 else 's'}"


def _document(result: BuildResult) -> dict[str, Any]:
    """Return *result* as JSON; only the embedded builder has a layer."""
    document = dataclasses.asdict(result)
    for name in ("reused", "exported", "layer", "earlier", "dropped"):
        document.pop(name)
    if result.static:
        document["static"].pop("older")
        document["static"] |= {"reused": result.reused, "earlier": result.earlier}
    if result.layer:
        document["layer"] = str(result.layer.path) if result.layer.path else None
    return document
