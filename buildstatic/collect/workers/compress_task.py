"""Variants of one content: found in the cache or in an earlier tree, or made; and written.

What is worth keeping is WhiteNoise's rule (whitenoise/compress.py): a variant of at most 95 % of
the original, and where brotli is not worth it, nothing else is tried. ServeStatic tries
each by itself (servestatic/compress.py).
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from buildstatic.collect.cache import NOT_WORTH_IT, Cache, variant_at
from buildstatic.collect.codecs import Codec, load
from buildstatic.collect.workers.parent_death import end_with_the_parent
from buildstatic.collect.workers.worker import is_worker, stopped_at_once
from buildstatic.collect.workers.write_task import write

WORTH = 0.95
# What a worker answers that has not the codecs that it is to have.
UNABLE = ("unable",)


@dataclass(frozen=True)
class Job:
    """What all contents of a run have in common, in values that can be sent.

    *codecs* are formats, levels, suffixes and keys, tried in their order, each by itself unless
    *chained*; *libraries* the directories to import them from. *cache* and *reuse*, an earlier
    tree, are directories, empty for none; *limit* is the cache's. Variants are written below
    *root*, with the *mode*, by *links* and *direct* as `write` has it. *parent* is the process that
    wants all that.
    """

    codecs: tuple[tuple[str, int, str, str], ...]
    chained: bool
    libraries: tuple[str, ...]
    cache: str
    limit: int
    reuse: str
    root: str
    mode: int
    links: bool
    direct: bool
    parent: int


@dataclass(frozen=True)
class Variant:
    """A variant of the *suffix*.

    *hit* tells that the cache had it, *reused* that an earlier tree did; else it was made.
    """

    suffix: str
    data: bytes
    hit: bool = False
    reused: bool = False


def press(
    path: str, size: int, identity: str, names: tuple[str, ...], seconds: int, *job: Any
) -> tuple[Any, ...]:
    """Write the variants of the file *path* that are worth keeping, beside each of its *names*.

    Its content has the *size* and the SHA-256 *identity*; *seconds* is the time of the variants,
    -1 for none. *job* are the fields of a `Job`. Return how much was put into the cache, and
    ``(suffix, size, hit, reused)`` for each variant; or `UNABLE`. Raises OSError.
    """
    given = Job(*job)
    maker = _maker(given)
    if maker is None:
        return UNABLE
    content = _content(path, size)
    before = maker.put
    made = []
    for variant in maker.variants(content, identity, names):
        targets = tuple(f"{given.root}/{name}.{variant.suffix}" for name in names)
        write(variant.data, 0, 0, targets, given.mode, seconds, given.links, given.direct)
        made.append((variant.suffix, len(variant.data), variant.hit, variant.reused))
    return maker.put - before, tuple(made)


@lru_cache(maxsize=1)
def _maker(job: Job) -> Maker | None:
    """Return what makes the variants of *job*, None where the codecs are not those."""
    if is_worker():
        end_with_the_parent(job.parent)
        sys.path.extend(path for path in job.libraries if path not in sys.path)
    codecs = [
        replace(codec, suffix=suffix)
        for form, level, suffix, key in job.codecs
        if (codec := load(form, "best", level)) and codec.key == key
    ]
    if len(codecs) < len(job.codecs):
        return None
    cache = Cache(Path(job.cache), job.limit) if job.cache else None
    return Maker(tuple(codecs), cache, Path(job.reuse) if job.reuse else None, job.chained)


@dataclass
class Maker:
    """Makes variants by *codecs*, or finds them in *cache* or in the tree *reuse*.

    *put* counts what the cache got.
    """

    codecs: tuple[Codec, ...]
    cache: Cache | None = None
    reuse: Path | None = None
    chained: bool = True
    put: int = 0

    def variants(self, content: bytes, identity: str, names: tuple[str, ...]) -> Iterator[Variant]:
        """Yield the variants of *content*, of the SHA-256 *identity*, that are worth keeping."""
        for codec in self.codecs:
            kept = self.kept(codec, content, identity)
            found = self.found(codec, content, names) if kept is None else None
            data = kept or found or self.made(codec, content, identity)
            if data != NOT_WORTH_IT:
                yield Variant(codec.suffix, data, kept is not None, found is not None)
            elif codec.suffix == "br" and self.chained:
                return

    def kept(self, codec: Codec, content: bytes, identity: str) -> bytes | None:
        """Return what the cache has; None for a variant that nobody would have kept."""
        data = self.cache.get(identity, codec, content) if self.cache else None
        if data is None or data == NOT_WORTH_IT or _is_worth_it(data, content):
            return data
        return None

    def found(self, codec: Codec, content: bytes, names: tuple[str, ...]) -> bytes | None:
        """Return what the earlier tree has under one of *names*."""
        for name in names if self.reuse else ():
            data = variant_at(Path(f"{self.reuse}/{name}.{codec.suffix}"), codec, content)
            if data is not None and _is_worth_it(data, content):
                return data
        return None

    def made(self, codec: Codec, content: bytes, identity: str) -> bytes:
        """Return what *codec* makes, or `NOT_WORTH_IT`; the cache gets it."""
        with stopped_at_once():
            data = codec.compress(content)
        if not _is_worth_it(data, content):
            data = NOT_WORTH_IT
        if self.cache:
            self.cache.put(identity, codec, data)
            self.put += 1
        return data


def _is_worth_it(data: bytes, content: bytes) -> bool:
    return len(data) <= WORTH * len(content)


def _content(path: str, size: int) -> bytes:
    with open(path, "rb", buffering=0) as file:
        content = file.read(size + 1)
        while len(content) < size and (more := file.read(size + 1 - len(content))):
            content += more
    if len(content) != size:
        raise OSError(errno.EBUSY, "it changed after it was collected", path)
    return content
