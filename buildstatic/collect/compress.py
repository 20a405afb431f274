"""Variants: which ones to make, and compressing each content once, the largest first."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

from buildstatic.collect.cache import Cache, find_cache
from buildstatic.collect.codecs import FORMATS, Codec, importable, library_paths, load_codec
from buildstatic.collect.publish import OutputFile, Staging, outdated_variants
from buildstatic.collect.request import CollectOptions
from buildstatic.collect.storages.adapter import Adapter, CompressionRules
from buildstatic.collect.tree import LockedTree, locked_tree, remove_files
from buildstatic.collect.workers.compress_task import UNABLE, CompressOptions, compress_file
from buildstatic.collect.workers.pool import WorkerPool, worker_pool
from buildstatic.errors import CollectFailed

# WhiteNoise's list (whitenoise/compress.py), for storages that have none of their own.
_COMPRESSED_ALREADY = re.compile(
    r"\.(jpg|jpeg|png|gif|webp|avif|jxl|zip|gz|tgz|bz2|tbz|xz|br|zst|swf|flv|woff|woff2"
    r"|3gp|3gpp|asf|avi|m4v|mov|mp4|mpeg|mpg|webm|wmv)$",
    re.IGNORECASE,
)
_DEFAULT = CompressionRules(("br", "gz"), lambda name: _COMPRESSED_ALREADY.search(name) is None)
# Up to this many bytes, one process reads what the cache has as fast as several that are started.
ALL_CACHED = 8 << 20
_PACKAGES = {"br": "brotli", "zst": "backports.zstd"}


@dataclass(frozen=True)
class Variants:
    """The variants to make, by *codecs* in this order, of the names that *fits* accepts.

    With *chained*, if brotli's variant is not worth keeping, no other is tried; with *keeps_all*,
    each is. What *cache* or the earlier tree *reuse* has is not made again.
    """

    codecs: tuple[Codec, ...]
    fits: Callable[[str], bool]
    cache: Cache
    reuse: Path | None = None
    chained: bool = True
    keeps_all: bool = False


@dataclass(frozen=True, slots=True)
class CompressItem:
    """A content to compress: its SHA-256, size, path and all its names in the tree.

    *seconds* is the time of its variants, -1 for now.
    """

    sha256: str
    size: int
    path: str
    names: tuple[str, ...]
    seconds: int = -1


@dataclass(frozen=True, slots=True)
class WrittenVariant:
    """A variant that was written, from the cache (*hit*), an earlier tree (*reused*), or made."""

    suffix: str
    size: int
    hit: bool
    reused: bool


def variants_for(
    storage: Any, adapter: Adapter, options: CollectOptions, libraries: tuple[str, ...] = ()
) -> Variants | None:
    """Return the variants for *storage*, or None if none are made.

    Without *options* for them, the storage's own settings apply. The codecs may also be in the
    directories *libraries*. Raises `CollectFailed` for a
    format whose library is not installed, and `ConfigInvalid` for an invalid size of the cache.
    """
    cache = find_cache(options.cache)
    effort = None if options.compress == "none" else options.compress
    formats = options.formats
    if effort is None and not formats and not adapter.compression:
        return None
    with importable(libraries):
        own = adapter.compression(storage) if adapter.compression else _DEFAULT
        codecs = {} if effort else own.codecs
        levels = {} if effort else own.levels
        loaded = {
            suffix: load_codec(codecs.get(suffix, suffix), effort or "best", levels.get(suffix))
            for suffix in FORMATS
            if suffix in (formats or own.formats)
        }
    if missing := [suffix for suffix in formats if not loaded[suffix]]:
        problem = f"The project's Python cannot import a library for .{missing[0]} files."
        raise CollectFailed(problem, f"Install {_PACKAGES[missing[0]]}, or omit the format.")
    if options.compress == "none":
        return None
    suffixed = (
        replace(codec, suffix=own.suffixes.get(codec.suffix, codec.suffix))
        for codec in loaded.values()
        if codec
    )
    return Variants(tuple(suffixed), own.fits, cache, options.reuse, own.chained, own.keeps_all)


def contents_to_compress(
    outputs: Iterable[OutputFile], variants: Variants, staging: Staging
) -> list[CompressItem]:
    """Return each content of *outputs* once, with its names that *variants* fit, by size."""
    names: dict[str, list[str]] = {}
    sizes: dict[str, int] = {}
    for output in outputs:
        sizes[output.identity] = output.size
        if fitting := [name for name in output.names if variants.fits(name)]:
            names.setdefault(output.identity, []).extend(fitting)
    items = (
        CompressItem(
            identity,
            sizes[identity],
            staging.tree.path(own[0]),
            tuple(own),
            staging.file_time(identity),
        )
        for identity, own in names.items()
    )
    return sorted(items, key=lambda item: item.size, reverse=True)


@dataclass(frozen=True)
class Compressed:
    """The names of the *variants*, each after that of its file, and their `Summary` counts."""

    variants: tuple[tuple[str, str], ...] = ()
    counts: Mapping[str, Any] = field(default_factory=dict)


def compress(
    items: Sequence[CompressItem],
    variants: Variants,
    staging: Staging,
    pool: WorkerPool,
    progress: Callable[[int], None],
) -> Compressed:
    """Write the *variants* of *items*; *progress* is called with the size of each.

    Raises what `written_variants` raises.
    """
    names: list[tuple[str, str]] = []
    counts: Counter[str] = Counter()
    for item, written in written_variants(items, variants, staging, pool):
        for variant in written:
            names += [(name, f"{name}.{variant.suffix}") for name in item.names]
            counts.update(variants=1, variant_bytes=variant.size)
            counts.update(hits=int(variant.hit), reused=int(variant.reused))
        progress(item.size)
    return Compressed(tuple(names), counts)


@contextmanager
def compress_changes(
    storage: Any,
    variants: Variants | None,
    options: CollectOptions,
    *,
    in_layer: bool,
    all_files: bool = False,
) -> Iterator[Counter[str]]:
    """Make the *variants* of what the block writes to *storage*, and remove outdated ones.

    With *all_files*, also those of what was there before. The manifest has none. Yields the counts
    for `Summary`, which are set when the block has ended without an exception. Raises OSError and
    `CollectFailed`.
    """
    counts: Counter[str] = Counter()
    if variants is None or not options.post_process:
        yield counts
        return
    with locked_tree(storage) as tree:
        before = {} if all_files else _states(tree)
    yield counts
    with locked_tree(storage) as tree, worker_pool(lock=tree.lock) as pool:
        staging = Staging(tree, tree.root, in_layer or options.hardlinks, in_layer)
        after = _states(tree)
        changed = {name for name, state in after.items() if before.get(name) != state}
        changed.discard(getattr(storage, "manifest_name", ""))
        contents: dict[str, list[str]] = {}
        for name in sorted(filter(variants.fits, changed)):
            with Path(tree.path(name)).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            contents.setdefault(digest, []).append(name)
        outputs = [
            OutputFile(tuple(names), "", digest, after[names[0]][0])
            for digest, names in contents.items()
        ]
        remove_files(tree, outdated_variants(outputs, (), after.keys() - changed))
        items = contents_to_compress(outputs, variants, staging)
        counts.update(compress(items, variants, staging, pool, lambda _size: None).counts)


def _states(tree: LockedTree) -> Mapping[str, tuple[int, int, int]]:
    """Return size, time and inode of each regular file in *tree*."""
    statuses = ((name, os.lstat(tree.path(name))) for name in tree.files)
    return {
        name: (status.st_size, status.st_mtime_ns, status.st_ino)
        for name, status in statuses
        if stat.S_ISREG(status.st_mode)
    }


def written_variants(
    items: Sequence[CompressItem], variants: Variants, staging: Staging, pool: WorkerPool
) -> Iterator[tuple[CompressItem, tuple[WrittenVariant, ...]]]:
    """Yield each of *items* as it is completed, the largest first, with the variants worth keeping.

    The cache's limit is applied at the end, also after a failure. Raises OSError and
    `CollectFailed`.
    """
    staging.remove_below(
        f"{name}.{codec.suffix}"
        for item in items
        for name in item.names
        for codec in variants.codecs
    )
    total = sum(item.size for item in items)
    cost = total
    if total < ALL_CACHED:
        cost -= sum(item.size for item in items if variants.cache.has(item.sha256, variants.codecs))
    tasks = [(each.path, each.size, each.sha256, each.names, each.seconds) for each in items]
    common = astuple(_worker_options(variants, staging))
    put, is_done = 0, False
    try:
        with staging.final_names():
            for number, result in pool.run_by_size("compress", tasks, common, cost):
                if result == UNABLE:
                    result = compress_file(*tasks[number], *common)
                put += result[0]
                yield items[number], tuple(WrittenVariant(*variant) for variant in result[1])
        is_done = True
    finally:
        if put or not is_done:
            variants.cache.evict()


def _worker_options(variants: Variants, staging: Staging) -> CompressOptions:
    return CompressOptions(
        codecs=tuple((c.format, c.level, c.suffix, c.key) for c in variants.codecs),
        chained=variants.chained,
        keeps_all=variants.keeps_all,
        libraries=library_paths(),
        cache=str(variants.cache.directory),
        limit=variants.cache.limit,
        key=variants.cache.key,
        reuse=str(variants.reuse or ""),
        root=staging.tree.root,
        mode=staging.file_mode,
        links=staging.links,
        direct=staging.is_new,
        parent=os.getpid(),
    )
