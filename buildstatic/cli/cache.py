"""``buildstatic cache``: what the cache of variants holds, and how to make it hold less."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from buildstatic.cli.options import traceback_option

if TYPE_CHECKING:
    from buildstatic.collect.cache import Cache, Entry

EPILOG = """\b
Examples:
  buildstatic cache info                    where it is, and how large
  buildstatic cache prune --max-size 500MB  without what was used longest ago
  buildstatic cache clear                   without anything
"""


def _cache(
    _context: click.Context, _parameter: click.Parameter, directory: Path | None
) -> Callable[[], Cache]:
    def open_() -> Cache:
        from buildstatic.collect.cache import Cache, default_directory

        return Cache(directory.absolute() if directory else default_directory())

    return open_


def _size(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    from buildstatic.collect.cache import parse_size

    try:
        return parse_size(text) if text is not None else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


cache_option = click.option(
    "--cache",
    "opened",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    callback=_cache,
    help="The cache, in place of ~/.cache/buildstatic.",
)


@click.group(epilog=EPILOG)
def command() -> None:
    """Show, shrink or empty the cache of compressed variants.

    Collecting keeps in it what it has compressed, and takes from it what it would compress again.
    It gets no larger than 1 GB, or what BUILDSTATIC_CACHE_SIZE says: what was used longest ago goes
    first. Everything in it can be made again, and nothing of it is used unless it is what it says.
    """


@command.command(short_help="Where it is, and how large.")
@cache_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@traceback_option
def info(opened: Callable[[], Cache], as_json: bool) -> None:
    """Show where the cache is, and what it holds of which kind."""
    from buildstatic import console

    cache = opened()
    document = _document(cache, cache.entries())
    if as_json:
        click.echo(json.dumps(document, indent=2))
        return
    size, limit = console.size(document["bytes"]), console.size(document["limit"])
    rows = [("directory", str(cache.directory)), ("variants", f"{document['variants']:,}")]
    rows += [("size", f"{size} of {limit}")]
    for kind, held in document["kinds"].items():
        rows.append((kind, f"{held['variants']:,}, {console.size(held['bytes'])}"))
    console.table(rows)


def _document(cache: Cache, entries: Sequence[Entry]) -> dict[str, Any]:
    kinds: dict[str, dict[str, int]] = {}
    for entry in sorted(entries, key=lambda entry: entry.kind):
        held = kinds.setdefault(entry.kind, {"variants": 0, "bytes": 0})
        held["variants"] += 1
        held["bytes"] += entry.size
    return {
        "directory": str(cache.directory),
        "variants": len(entries),
        "bytes": _bytes(entries),
        "limit": cache.limit,
        "kinds": kinds,
    }


@command.command(short_help="Remove what was used longest ago.")
@cache_option
@click.option(
    "--max-size",
    metavar="SIZE",
    callback=_size,
    help="How large it may stay, as 500MB; by itself BUILDSTATIC_CACHE_SIZE, or 1GB.",
)
@traceback_option
def prune(opened: Callable[[], Cache], max_size: int | None) -> None:
    """Remove what was used longest ago, until the rest is small enough."""
    cache = opened()
    _tell(cache, cache.prune(cache.limit if max_size is None else max_size))


@command.command(short_help="Remove everything.")
@cache_option
@traceback_option
def clear(opened: Callable[[], Cache]) -> None:
    """Remove every variant; other files in the directory stay."""
    cache = opened()
    _tell(cache, cache.clear())


def _tell(cache: Cache, removed: Sequence[Entry]) -> None:
    from buildstatic import console

    console.say(f"{_words(removed)} removed, {_words(cache.entries())} left.")


def _words(entries: Sequence[Entry]) -> str:
    from buildstatic import console

    return f"{len(entries):,} variants ({console.size(_bytes(entries))})"


def _bytes(entries: Sequence[Entry]) -> int:
    return sum(entry.size for entry in entries)
