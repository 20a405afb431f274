"""``cache``: shows, shrinks and empties the cache of compressed variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from buildstatic.collect.cache import INDEX, Cache, Entry, find_cache


@dataclass(frozen=True)
class Usage:
    """A number of *variants* and the *bytes* that they take; those of file indexes are included."""

    variants: int
    bytes: int


@dataclass(frozen=True)
class CacheInfo:
    """What the cache in *directory* holds; *limit* is its maximum size in bytes.

    *kinds* are the variants by what compressed them.
    """

    directory: str
    variants: int
    bytes: int
    limit: int
    kinds: dict[str, Usage]


@dataclass(frozen=True)
class Removal:
    """What was removed from the cache, and what is left in it."""

    removed: Usage
    left: Usage


def info(directory: Path | None = None) -> CacheInfo:
    """Return what is in the cache in *directory*, by default ``~/.cache/buildstatic``.

    Raises ConfigInvalid if BUILDSTATIC_CACHE_SIZE is not a size.
    """
    cache = _open(directory)
    entries = cache.entries()
    kinds = {
        kind: _usage([entry for entry in entries if entry.kind == kind])
        for kind in sorted({entry.kind for entry in entries})
    }
    total = _usage(entries)
    return CacheInfo(str(cache.directory), total.variants, total.bytes, cache.limit, kinds)


def prune(directory: Path | None = None, max_size: int | None = None) -> Removal:
    """Remove the least recently used variants until the rest takes at most *max_size* bytes.

    By default that is BUILDSTATIC_CACHE_SIZE, or 1 GB. Raises as `info` does.
    """
    cache = _open(directory)
    removed = cache.prune(cache.limit if max_size is None else max_size)
    return Removal(_usage(removed), _usage(cache.entries()))


def clear(directory: Path | None = None) -> Removal:
    """Remove all variants; other files in the directory stay. Raises as `info` does."""
    cache = _open(directory)
    removed = cache.clear()
    return Removal(_usage(removed), _usage(cache.entries()))


def _open(directory: Path | None) -> Cache:
    return find_cache(directory.absolute() if directory else None)


def _usage(entries: Sequence[Entry]) -> Usage:
    variants = sum(entry.kind.partition(".")[0] != INDEX for entry in entries)
    return Usage(variants, sum(entry.size for entry in entries))
