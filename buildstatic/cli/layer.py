"""``buildstatic layer``: the static files as an image layer, with no engine."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from buildstatic.cli.options import (
    manage_option,
    path_option,
    python_option,
    settings_option,
    traceback_option,
)
from buildstatic.cli.signals import terminable

if TYPE_CHECKING:
    from typing import IO

    from buildstatic.image.layer import Layer
    from buildstatic.image.pack import Compression

EPILOG = """\b
Examples:
  buildstatic layer -o layer.tar.gz                               collects, then writes
  buildstatic layer /layer -o layer.tar.gz                        of a layer root
  buildstatic layer staticfiles --at /app/staticfiles -o l.tar.gz of a collected tree
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
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The layer; its descriptor goes into FILE.json.",
)
@click.option(
    "--at",
    metavar="PATH",
    callback=_place,
    help="Where TREE, a STATIC_ROOT, lies in the image; without it, TREE is a layer root.",
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
    output: Path,
    at: PurePosixPath | None,
    compression: Compression,
    as_json: bool,
    **_: object,
) -> None:
    """Write the static files as an OCI image layer, with no engine.

    TREE is a layer root, as `buildstatic collect --layer-root` makes it, or, with --at, a collected
    tree; without TREE, the project's static files are collected first. The layer has the diffID of
    the one that BuildKit makes of the same files by COPY --link.
    """
    words = _collecting(context)
    if tree and words:
        raise click.UsageError("TREE is collected already: leave out what is for collecting.")
    if at and not tree:
        raise click.UsageError("--at says where TREE lies: name TREE, or leave --at out.")
    if tree and output.resolve().is_relative_to(tree.resolve()):
        raise click.UsageError(f"{output} would be in TREE: write it elsewhere.")
    started, target = time.monotonic(), output.absolute()  # collecting changes the directory
    with terminable(), ExitStack() as stack:
        if tree is None:
            temporary = tempfile.TemporaryDirectory(prefix="buildstatic-layer-")
            tree = Path(stack.enter_context(temporary), "layer")
            _collect(tree, [*words, *(["--verbosity=0"] if as_json else [])])
        layer = _save(tree, at, target, compression)
    _tell(layer, output, time.monotonic() - started, as_json)


def _collecting(context: click.Context) -> list[str]:
    """Return the options for collecting that were given, in words."""
    given = click.core.ParameterSource.COMMANDLINE
    names = [name for name in COLLECTING if context.get_parameter_source(name) == given]
    return [f"--{name}={context.params[name]}" for name in names]


def _collect(root: Path, words: list[str]) -> None:
    from buildstatic.cli import collecting
    from buildstatic.cli.collect import collected_into

    root.mkdir()
    collecting.report(collected_into(root, words).summary)


def _save(tree: Path, at: PurePosixPath | None, output: Path, compression: Compression) -> Layer:
    """Write the layer, then its descriptor; neither is there before it is whole."""
    from buildstatic.image.layer import descriptor
    from buildstatic.image.saving import saving

    beside = output.with_name(f"{output.name}.json")
    with saving(beside) as said:
        with saving(output) as file:
            layer = _write(tree, at, file, compression)
            beside.unlink(missing_ok=True)
        said.write((json.dumps(descriptor(layer), indent=2) + "\n").encode())
    return layer


def _write(
    tree: Path, at: PurePosixPath | None, file: IO[bytes], compression: Compression
) -> Layer:
    from buildstatic import console
    from buildstatic.collect.cores import cores
    from buildstatic.image.layer import write_layer, write_tree
    from buildstatic.image.place import check_at
    from buildstatic.image.static_layer import MANIFEST

    if at:
        check_at(at)
        return write_tree(tree, at, file, compression, cores())
    if (tree / MANIFEST).exists():
        console.warn(f"{tree} has a {MANIFEST}, so it may be no layer root: --at says where it is.")
    return write_layer(tree, file, compression, cores())


def _tell(layer: Layer, output: Path, seconds: float, as_json: bool) -> None:
    from buildstatic import console

    say = console.note if as_json else console.say
    say(f"files    {layer.files:,}, {console.size(layer.bytes)}")
    say(f"layer    {console.size(layer.size)}, in {output}")
    say(f"digest   {layer.digest}")
    say(f"diffID   {layer.diff_id}")
    say(f"seconds  {seconds:.1f}")
    if as_json:
        click.echo(json.dumps({**asdict(layer), "seconds": round(seconds, 3)}))
