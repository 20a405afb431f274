"""The task that finds or makes the variants of a content, and writes them.

A variant is kept by WhiteNoise's rule (whitenoise/compress.py): it has at most 95 % of the
original's size, and if brotli's has not, no other is tried. ServeStatic tries each format
(servestatic/compress.py), static_compress keeps each variant (static_compress/mixin.py).
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from buildstatic.collect.cache import MAX_RATIO, NOT_WORTH_IT, Cache
from buildstatic.collect.codecs import Codec, load_codec
from buildstatic.collect.earlier_variants import EarlierVariants
from buildstatic.collect.workers.file_tasks import write
from buildstatic.collect.workers.process import end_with_parent, is_worker, killable

# The result in a worker that cannot import the same codecs.
UNABLE = ("unable",)


@dataclass(frozen=True)
class CompressOptions:
    """What all contents of a run have in common, in values that `marshal` can write.

    *codecs* are (format, level, suffix, key), in their order, and *libraries* the directories to
    import them from; *chained* and *keeps_all* are as in `Variants`. *cache* is a directory, with
    the *limit* in bytes and the *key* of its entries, *reuse* that of an earlier tree, or empty.
    Variants are written below *root*, with *mode*, *links* and *direct* as for `write`. *parent* is
    the process that compresses.
    """

    codecs: tuple[tuple[str, int, str, str], ...]
    chained: bool
    keeps_all: bool
    libraries: tuple[str, ...]
    cache: str
    limit: int
    key: str
    reuse: str
    root: str
    mode: int
    links: bool
    direct: bool
    parent: int


@dataclass(frozen=True)
class Variant:
    """A variant and where it is from: the cache (*cached*), an earlier tree (*reused*), or made."""

    suffix: str
    data: bytes
    cached: bool = False
    reused: bool = False


def compress_file(
    path: str, size: int, sha256: str, names: tuple[str, ...], seconds: int, *options: Any
) -> tuple[Any, ...]:
    """Write the variants of the file *path* that are worth keeping, for each of its *names*.

    Its content has the *size* and the digest *sha256*; *seconds* is the time of the variants, -1
    for now. *options* are the fields of `CompressOptions`. Returns how many were put into the
    cache, and ``(suffix, size, cached, reused)`` for each variant; or `UNABLE`. Raises OSError.
    """
    common = CompressOptions(*options)
    compressor = _compressor(common)
    if compressor is None:
        return UNABLE
    with open(path, "rb", buffering=0) as file:
        content = file.read(size + 1)
        while len(content) < size and (more := file.read(size + 1 - len(content))):
            content += more
    if len(content) != size:
        raise OSError(errno.EBUSY, "it changed after it was collected", path)
    before = compressor.put
    written = []
    for variant in compressor.variants(content, sha256, names):
        targets = tuple(f"{common.root}/{name}.{variant.suffix}" for name in names)
        write(variant.data, 0, 0, targets, common.mode, seconds, common.links, common.direct)
        written.append((variant.suffix, len(variant.data), variant.cached, variant.reused))
    return compressor.put - before, tuple(written)


@lru_cache(maxsize=1)
def _compressor(options: CompressOptions) -> Compressor | None:
    """Return the compressor for *options*, or None if the codecs here are not the same."""
    if is_worker():
        end_with_parent(options.parent)
        sys.path.extend(path for path in options.libraries if path not in sys.path)
    codecs = [
        replace(codec, suffix=suffix)
        for form, level, suffix, key in options.codecs
        if (codec := load_codec(form, "best", level)) and codec.key == key
    ]
    if len(codecs) < len(options.codecs):
        return None
    cache = Cache(Path(options.cache), options.limit, options.key)
    earlier = EarlierVariants(Path(options.reuse)) if options.reuse else None
    return Compressor(tuple(codecs), cache, earlier, options.chained, options.keeps_all)


@dataclass
class Compressor:
    """Makes variants with *codecs*, or finds them in *cache* or in those of an *earlier* tree.

    Those that are not worth keeping are left out unless *keeps_all*. *put* counts what was put into
    the cache.
    """

    codecs: tuple[Codec, ...]
    cache: Cache
    earlier: EarlierVariants | None
    chained: bool
    keeps_all: bool = False
    put: int = 0

    def variants(self, content: bytes, sha256: str, names: tuple[str, ...]) -> Iterator[Variant]:
        """Yield the variants of *content*, with the digest *sha256*, that are worth keeping."""
        for codec in self.codecs:
            cached = self.cache.get(sha256, codec, content)
            if not self._is_current(cached, content):
                cached = None  # made by another rule
            reused = self._find(codec, content, sha256, names) if cached is None else None
            data = cached or reused or self._make(codec, content, sha256)
            if data != NOT_WORTH_IT:
                yield Variant(codec.suffix, data, cached is not None, reused is not None)
            elif codec.suffix == "br" and self.chained:
                return

    def _find(
        self, codec: Codec, content: bytes, sha256: str, names: tuple[str, ...]
    ) -> bytes | None:
        """Return the variant that the earlier tree has, if it is worth keeping."""
        data = self.earlier.find(sha256, codec, content, names) if self.earlier else None
        return data if data is not None and self._is_worth_it(data, content) else None

    def _make(self, codec: Codec, content: bytes, sha256: str) -> bytes:
        """Return the output of *codec*, or `NOT_WORTH_IT`, and put it into the cache."""
        with killable():
            data = codec.compress(content)
        if not self._is_worth_it(data, content):
            data = NOT_WORTH_IT
        self.cache.put(sha256, codec, data)
        self.put += 1
        return data

    def _is_current(self, cached: bytes | None, content: bytes) -> bool:
        if cached == NOT_WORTH_IT:
            return not self.keeps_all
        return cached is not None and self._is_worth_it(cached, content)

    def _is_worth_it(self, data: bytes, content: bytes) -> bool:
        return self.keeps_all or len(data) <= MAX_RATIO * len(content)
