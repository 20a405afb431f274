"""``buildstatic build``: builds an image, or the static layer alone, and prints what it made."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click

from buildstatic.cli.options import (
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
    as_json: bool,
    page: Path | None,
    requirements: tuple[str, ...],
    groups: tuple[str, ...],
    extras: tuple[str, ...],
    **_: Any,
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
    from buildstatic.cli.build_summary import document, summarize
    from buildstatic.cli.build_view import build_view
    from buildstatic.cli.progress import reporter, terminable
    from buildstatic.workflows.build import build

    values = _configured(context, path)
    dependencies = chosen_dependencies(requirements, groups, extras)
    options = _build_options(values)
    with terminable(), reporter(quiet=as_json) as report:
        outcome = build(
            path,
            options,
            manage=values["manage"],
            settings=values["settings"],
            dependencies=dependencies,
            python=values["python"],
            verbosity=0 if as_json else 1,
            isolate=False,
            with_apps=page is not None,
            report=dataclasses.replace(report, build_view=build_view),
        )
    summary = summarize(outcome, options)
    (console.note if as_json else console.say)(summary.text)
    if summary.warning:
        console.warn(summary.warning)
    if page is not None:
        _write_page(page, outcome, options)
    if as_json:
        print(json.dumps(document(outcome.result)))
    else:
        console.next_command(*summary.next_command)


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


def _build_options(values: dict[str, Any]) -> BuildOptions:
    """Return the options of the build; raises UsageError if *values* cannot be used together."""
    from buildstatic.workflows.build import BuildOptions

    given = SimpleNamespace(**values)
    is_embedded = bool(given.builder == EMBEDDED or given.base or given.output)
    _check_usage(given, is_embedded=is_embedded)
    given.platforms = tuple(name for names in given.platform for name in names.split(","))
    fields = dataclasses.fields(BuildOptions)
    options = BuildOptions(**{field.name: getattr(given, field.name) for field in fields})
    if is_embedded:
        _check_tags(options)
    return options


def _check_usage(given: SimpleNamespace, *, is_embedded: bool) -> None:
    """Raise UsageError for the first of the rules that the options *given* break."""
    is_for_dockerfile = given.requirements or given.groups or given.extras
    rules = {
        "--push requires --tag.": given.push and not given.tags,
        "--export does not build an image: omit --tag, --target and --push.": (
            given.export and (given.push or given.tags or given.target)
        ),
        f"--base and --output are for the embedded builder, not {given.builder}.": (
            is_embedded and given.builder not in (None, EMBEDDED)
        ),
        "The embedded builder does not support --serve.": is_embedded and given.serve,
        "--keep requires --tag.": given.keep and not given.tags,
        "--keep changes the finished image, which its attestations would not describe: omit"
        " --sbom and --provenance.": (
            given.keep and (given.sbom or given.provenance) and not is_embedded
        ),
        "--insecure requires --reuse, --keep or the embedded builder.": (
            given.insecure and not (is_embedded or given.reuse or given.keep)
        ),
        "--python requires the embedded builder: a Dockerfile uses its own Python.": (
            given.python and not is_embedded
        ),
        "--requirement, --group and --extra require a Dockerfile: the embedded builder runs"
        " the project's Python.": is_embedded and is_for_dockerfile,
    }
    for message, is_broken in rules.items():
        if is_broken:
            raise click.UsageError(message)


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
