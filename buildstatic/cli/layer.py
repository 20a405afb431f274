"""``buildstatic layer``: writes the static files as an image layer, without an engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from buildstatic.cli.options import (
    DROPPED,
    configured,
    is_given,
    keep_options,
    manage_option,
    path_option,
    python_option,
    settings_option,
    traceback_option,
)

if TYPE_CHECKING:
    from buildstatic.oci.append import AppendResult
    from buildstatic.oci.layer_compressor import Compression
    from buildstatic.workflows.layer import LayerResult

EPILOG = """\b
Examples:
  buildstatic layer -o layer.tar.gz                               collect and write a layer
  buildstatic layer /layer -o layer.tar.gz                        of a layer root
  buildstatic layer staticfiles --at /app/staticfiles -o l.tar.gz of a collected tree
  buildstatic layer --base registry.example.org/app:1 --tag registry.example.org/mysite:1
"""


def _place(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> PurePosixPath | None:
    if text is None:
        return None
    place = PurePosixPath(text)
    if not place.is_absolute() or ".." in place.parts or "\0" in text:
        raise click.BadParameter(f"{text!r} is not an absolute path in the image.")
    return PurePosixPath("/", *place.parts[1:])


@click.command(epilog=EPILOG)
@click.argument(
    "tree",
    required=False,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the layer to FILE, and its descriptor to FILE.json.",
)
@click.option("--base", metavar="IMAGE", help="Image to put the layer on.")
@click.option("--tag", "-t", metavar="IMAGE", help="Name of the image with the layer.")
@keep_options
@click.option("--insecure", is_flag=True, help="Allow registries without TLS.")
@click.option(
    "--at",
    metavar="PATH",
    callback=_place,
    help="STATIC_ROOT in the image. [default: TREE is a layer root; without TREE, as in `build`]",
)
@click.option(
    "--compression",
    type=click.Choice(["gzip", "zstd", "none"]),
    default="gzip",
    show_default=True,
    help="Compression of the layer.",
)
@click.option(
    "--sbom",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the packages that the files come from to FILE, in CycloneDX.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON to standard output.")
@python_option
@path_option
@manage_option
@settings_option
@traceback_option
@click.pass_context
def command(
    context: click.Context,
    /,
    tree: Path | None,
    output: Path | None,
    base: str | None,
    tag: str | None,
    keep: str | None,
    keep_releases: int,
    insecure: bool,
    at: PurePosixPath | None,
    compression: Compression,
    sbom: Path | None,
    as_json: bool,
    path: Path,
    manage: str | None,
    settings: str | None,
    python: Path | None,
) -> None:
    """Write the static files as an OCI image layer, or put them on an image, without an engine.

    TREE is a layer root, as `buildstatic collect --layer-root` makes it, or, with --at, a collected
    tree. Without TREE the static files of the project are collected first, for the path that they
    have in an image of `buildstatic build`. The diffID is that of the layer that BuildKit makes of
    the same files with COPY --link.

    IMAGE is in a registry (registry.example.org/name:tag), an OCI layout (oci:DIR:TAG), an archive
    (docker-archive:FILE) or the local engine (docker:NAME). With --base each platform of the image
    gets the layer, which replaces an earlier one.
    """
    from buildstatic import console
    from buildstatic.cli.progress import reporter, terminable
    from buildstatic.workflows.layer import AppendRequest, layer

    values = {"base": base, "compression": compression, "keep": keep}
    defaults = configured(context, "layer", path, {**values, "keep_releases": keep_releases})
    base, keep = (defaults["base"], defaults["keep"]) if tag else (base, keep)
    collecting = [n for n in ("path", "manage", "settings", "python") if is_given(context, n)]
    if tree and collecting:
        raise click.UsageError("TREE is already collected: omit the options for collecting.")
    if tree and sbom:
        raise click.UsageError("--sbom requires the sources: omit TREE to collect them.")
    if tree and output and output.resolve().is_relative_to(tree.resolve()):
        raise click.UsageError(f"{output} would be inside TREE: choose another file.")
    if bool(base) != bool(tag):
        raise click.UsageError("--base and --tag must be used together.")
    if keep and not base:
        raise click.UsageError("--keep requires --base and --tag.")
    if insecure and not base:
        raise click.UsageError("--insecure is for registries: set --base and --tag.")
    if not output and not base:
        raise click.UsageError("Set -o, or --base and --tag.")
    request = None
    if base and tag:
        request = AppendRequest(base, tag, insecure, keep, defaults["keep_releases"])
    with terminable(), reporter(quiet=as_json) as report:
        result = layer(
            path,
            tree=tree,
            at=at,
            output=output,
            append=request,
            compression=defaults["compression"],
            sbom=sbom.absolute() if sbom else None,
            verbosity=0 if as_json else 1,
            manage=manage,
            settings=settings,
            python=python,
            isolate=False,
            report=report,
        )
    _print(result, output, sbom, as_json)
    if output and not (as_json or result.image):
        console.next_command("buildstatic", "verify", str(output))


def _print(result: LayerResult, output: Path | None, sbom: Path | None, as_json: bool) -> None:
    from buildstatic import console

    layer = result.layer
    say = console.note if as_json else console.say
    say(f"files    {layer.files:,}, {console.size(layer.bytes)}")
    say(f"layer    {console.size(layer.size)}{f', in {output}' if output else ''}")
    say(f"digest   {layer.digest}")
    say(f"diffID   {layer.diff_id}")
    if sbom:
        say(f"SBOM     {sbom}")
    for line in _image_lines(result.image) if result.image else ():
        say(line)
    say(f"seconds  {result.seconds:.1f}")
    if as_json:
        image = asdict(result.image) if result.image else None
        seconds = round(result.seconds, 3)
        click.echo(json.dumps({**asdict(layer), "image": image, "seconds": seconds}))


def _image_lines(image: AppendResult) -> Iterator[str]:
    from buildstatic.console import size
    from buildstatic.verify import one_line

    yield f"image    {image.reference} {image.digest}"
    for each in image.images:
        yield f"         {one_line(each.platform)} {each.digest}"
    replaced = dict.fromkeys(diff_id for each in image.images for diff_id in each.replaced)
    for diff_id in replaced:
        yield f"replaced {diff_id}, the previous static layer"
    for diff_id in image.earlier:
        yield f"earlier  {diff_id}, the static layer of an earlier release"
    for sentence in dict.fromkeys(sentence for each in image.images for sentence in each.kept):
        yield f"kept     {one_line(sentence)}; the new layer is on top of it"
    for digest in image.dropped:
        yield f"dropped  {digest}, {DROPPED}"
    counts = (("sent", image.sent), ("present", image.present), ("mounted", image.mounted))
    yield f"blobs    {', '.join(f'{size(count)} {word}' for word, count in counts)}"
