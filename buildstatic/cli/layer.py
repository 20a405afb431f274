"""``buildstatic layer``: the static files as an image layer, with no engine."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import ExitStack, chdir
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from buildstatic.cli.options import (
    configured,
    manage_option,
    path_option,
    python_option,
    settings_option,
    traceback_option,
)
from buildstatic.cli.signals import terminable

if TYPE_CHECKING:
    from typing import IO

    from buildstatic.cli.appending import Appending
    from buildstatic.oci.append import AppendResult
    from buildstatic.oci.layer_compression import Compression
    from buildstatic.oci.layer_writer import WrittenLayer
    from buildstatic.project import Project

EPILOG = """\b
Examples:
  buildstatic layer -o layer.tar.gz                               collects, then writes
  buildstatic layer /layer -o layer.tar.gz                        of a layer root
  buildstatic layer staticfiles --at /app/staticfiles -o l.tar.gz of a collected tree
  buildstatic layer --base registry.example.org/app:1 --tag registry.example.org/mysite:1
"""
COLLECTING = ("path", "manage", "settings", "python")


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
    help="The layer; its descriptor goes into FILE.json.",
)
@click.option("--base", metavar="IMAGE", help="Put the layer on this image.")
@click.option("--tag", "-t", metavar="IMAGE", help="What the image with the layer is named.")
@click.option("--insecure", is_flag=True, help="Allow registries without TLS.")
@click.option(
    "--at",
    metavar="PATH",
    callback=_place,
    help="Where STATIC_ROOT lies in the image; without it, TREE is a layer root, and what is "
    "collected lies where `build` puts it.",
)
@click.option(
    "--compression",
    type=click.Choice(["gzip", "zstd", "none"]),
    default="gzip",
    show_default=True,
    help="How the layer is compressed.",
)
@click.option("--json", "as_json", is_flag=True, help="End with a line of JSON on standard output.")
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
    insecure: bool,
    at: PurePosixPath | None,
    compression: Compression,
    as_json: bool,
    path: Path,
    **_: object,
) -> None:
    """Write the static files as an OCI image layer, or put them on an image, with no engine.

    TREE is a layer root, as `buildstatic collect --layer-root` makes it, or, with --at, a collected
    tree; without TREE, the project's static files are collected first, for the place that they have
    in an image of `buildstatic build`. The layer has the diffID of the one that BuildKit makes of
    the same files by COPY --link.

    IMAGE is in a registry (registry.example.org/name:tag), a layout (oci:DIR:TAG), an archive
    (docker-archive:FILE) or the local engine (docker:NAME). With --base every platform of the
    image gets the layer, in place of an earlier one.
    """
    said = configured(context, "layer", path, {"base": base, "compression": compression})
    compression, base = said["compression"], said["base"] if tag else base
    words = _collecting(context)
    _check_use(tree, output, words)
    appending = _appending(base, tag, insecure, output)
    started = time.monotonic()
    with terminable(), ExitStack() as stack:
        temporary = Path(stack.enter_context(_temporary()))
        if tree is None:
            tree, at = _collected(context, temporary / "layer", words, at, quiet=as_json)
        layer = save(tree, at, output or temporary / "layer.tar", compression)
        file = output or temporary / "layer.tar"
        appended = appending.put(layer, file) if appending else None
    _tell(layer, output, appended, time.monotonic() - started, as_json)


def _check_use(tree: Path | None, output: Path | None, words: list[str]) -> None:
    if tree and words:
        raise click.UsageError("TREE is collected already: leave out what is for collecting.")
    if tree and output and output.resolve().is_relative_to(tree.resolve()):
        raise click.UsageError(f"{output} would be in TREE: write it elsewhere.")


def _appending(
    base: str | None, tag: str | None, insecure: bool, output: Path | None
) -> Appending | None:
    from buildstatic.cli.appending import asked

    if base and tag:
        return asked(base, tag, insecure=insecure)
    if base or tag:
        raise click.UsageError("--base and --tag go together: the layer is put on the one image.")
    if insecure:
        raise click.UsageError("--insecure is about registries: name an image by --base.")
    if not output:
        raise click.UsageError("Name a file by -o, or an image by --base and --tag.")
    return None


def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="buildstatic-layer-")


def _collecting(context: click.Context) -> list[str]:
    """Return the options for collecting that were given, in words."""
    given = click.core.ParameterSource.COMMANDLINE
    names = [name for name in COLLECTING if context.get_parameter_source(name) == given]
    return [f"--{name}={context.params[name]}" for name in names]


def _collected(
    context: click.Context, root: Path, words: list[str], at: PurePosixPath | None, *, quiet: bool
) -> tuple[Path, PurePosixPath]:
    """Collect into *root*; return the tree in it, and where that lies in the image: *at*, if so."""
    from buildstatic.oci.layer_location import check_target_path
    from buildstatic.project.detect import detect

    named = {name: context.params[name] for name in ("manage", "settings")}
    project = detect(context.params["path"], **named)
    if at:
        check_target_path(at)
    place = at or place_in_image(project)
    return collect_tree(root, project, words, quiet=quiet), place


def place_in_image(project: Project) -> PurePosixPath:
    """Return where *project* has its tree in the image; raises StaticRootInvalid."""
    from buildstatic.dockerfile.generate import static_root_in_image
    from buildstatic.oci.layer_location import check_static_root

    check_static_root(project)
    return PurePosixPath(static_root_in_image(project))


def collect_tree(root: Path, project: Project, words: list[str], *, quiet: bool) -> Path:
    """Collect *project* into *root* by *words*, options of collect; return the tree in that.

    We come back to where we are. Raises UnsupportedByBuilder where the tree is not found.
    """
    from buildstatic import console
    from buildstatic.builders.embedded import collected_tree, missing_frontend_output
    from buildstatic.cli import collecting
    from buildstatic.cli.collect import collected_into

    if missing := missing_frontend_output(project):
        console.warn(missing)
    root.mkdir()
    with chdir(Path.cwd()):
        silent = ["--verbosity=0"] if quiet else []
        collected = collected_into(root, [*words, *silent], is_image=False)
        collecting.report(collected.summary)
    return collected_tree(root, project)


def save(
    tree: Path, at: PurePosixPath | None, output: Path, compression: Compression
) -> WrittenLayer:
    """Write the layer, then its descriptor; neither is there before it is whole."""
    from buildstatic.atomic import replace_output
    from buildstatic.oci.layer_writer import descriptor

    beside = output.with_name(f"{output.name}.json")
    with replace_output(beside) as said:
        with replace_output(output) as file:
            layer = _write(tree, at, file, compression)
            beside.unlink(missing_ok=True)
        said.write((json.dumps(descriptor(layer), indent=2) + "\n").encode())
    return layer


def _write(
    tree: Path, at: PurePosixPath | None, file: IO[bytes], compression: Compression
) -> WrittenLayer:
    from buildstatic import console
    from buildstatic.collect.workers.cores import cores
    from buildstatic.oci.layer_location import check_target_path
    from buildstatic.oci.layer_writer import MANIFEST, write_layer, write_tree

    if at:
        check_target_path(at)
        return write_tree(tree, at, file, compression, cores())
    if (tree / MANIFEST).exists():
        console.warn(f"{tree} has a {MANIFEST}, so it may be no layer root: --at says where it is.")
    return write_layer(tree, file, compression, cores())


def _tell(
    layer: WrittenLayer,
    output: Path | None,
    appended: AppendResult | None,
    seconds: float,
    as_json: bool,
) -> None:
    from buildstatic import console
    from buildstatic.cli.appending import lines

    say = console.note if as_json else console.say
    say(f"files    {layer.files:,}, {console.size(layer.bytes)}")
    say(f"layer    {console.size(layer.size)}{f', in {output}' if output else ''}")
    say(f"digest   {layer.digest}")
    say(f"diffID   {layer.diff_id}")
    for line in lines(appended) if appended else ():
        say(line)
    say(f"seconds  {seconds:.1f}")
    if as_json:
        image = asdict(appended) if appended else None
        click.echo(json.dumps({**asdict(layer), "image": image, "seconds": round(seconds, 3)}))
