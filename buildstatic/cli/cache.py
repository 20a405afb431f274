"""``buildstatic cache``: prints, prunes and clears the cache of compressed variants."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from buildstatic.cli.options import traceback_option

if TYPE_CHECKING:
    from buildstatic.workflows.cache import Removal, Usage

EPILOG = """\b
Examples:
  buildstatic cache info                    show where it is and its size
  buildstatic cache prune --max-size 500MB  remove the least recently used variants
  buildstatic cache clear                   remove all variants
"""

cache_option = click.option(
    "--cache",
    "directory",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of the cache. [default: ~/.cache/buildstatic]",
)


def _size(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    from buildstatic.collect.cache import parse_size

    try:
        return parse_size(text) if text is not None else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.group(epilog=EPILOG)
def command() -> None:
    """Show, prune or clear the cache of compressed variants.

    Collecting stores compressed variants in it and reuses them later. Its maximum size is 1 GB, or
    BUILDSTATIC_CACHE_SIZE; the least recently used variants are removed first. Cached variants are
    verified before they are used, and it is always safe to delete the directory.
    """


@command.command(short_help="Show where the cache is and its size.")
@cache_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@traceback_option
def info(directory: Path | None, as_json: bool) -> None:
    """Show where the cache is, its size, and its variants by kind."""
    from buildstatic import console
    from buildstatic.workflows.cache import info

    cache = info(directory)
    if as_json:
        click.echo(json.dumps(asdict(cache), indent=2))
        return
    rows = [("directory", cache.directory), ("variants", f"{cache.variants:,}")]
    rows += [("size", f"{console.size(cache.bytes)} of {console.size(cache.limit)}")]
    for kind, usage in cache.kinds.items():
        rows.append((kind, f"{usage.variants:,}, {console.size(usage.bytes)}"))
    console.table(rows)


@command.command(short_help="Remove the least recently used variants.")
@cache_option
@click.option(
    "--max-size",
    metavar="SIZE",
    callback=_size,
    help="Maximum size to keep, such as 500MB. [default: BUILDSTATIC_CACHE_SIZE, or 1GB]",
)
@traceback_option
def prune(directory: Path | None, max_size: int | None) -> None:
    """Remove the least recently used variants until the cache is small enough."""
    from buildstatic.workflows.cache import prune

    _print_removal(prune(directory, max_size))


@command.command(short_help="Remove all variants.")
@cache_option
@traceback_option
def clear(directory: Path | None) -> None:
    """Remove all variants; other files in the directory stay."""
    from buildstatic.workflows.cache import clear

    _print_removal(clear(directory))


def _print_removal(removal: Removal) -> None:
    from buildstatic import console

    def words(usage: Usage) -> str:
        return f"{usage.variants:,} variants ({console.size(usage.bytes)})"

    console.say(f"{words(removal.removed)} removed, {words(removal.left)} left.")
