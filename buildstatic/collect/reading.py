"""Read the sources of a plan, each once, and compare them with the tree."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildstatic.collect.contents import Content, FileContent
from buildstatic.collect.file_index import FileIndex
from buildstatic.collect.needles import is_adjustable, needles
from buildstatic.collect.publish import OutputFile
from buildstatic.collect.sources import Source
from buildstatic.collect.spool import Spool
from buildstatic.collect.workers.file_tasks import SAME, Needle, digest
from buildstatic.collect.workers.pool import Item, WorkerPool


@dataclass(frozen=True, slots=True)
class Reading:
    """A *source* that was read, and the *file* that it is, without a name in the tree yet.

    *is_unmodified*: the tree has an equal file that is not older. *content* is kept as
    `read_sources` says.
    """

    source: Source
    file: OutputFile
    is_unmodified: bool
    content: Content | None


def read_sources(
    sources: Sequence[Source],
    storage: Any,
    root: str,
    pool: WorkerPool,
    spool: Spool,
    *,
    rewrites: bool,
    existing: frozenset[str],
    strong: bool,
    hashed: bool = False,
    index: FileIndex | None = None,
) -> Iterator[Reading]:
    """Start to read *sources*, each once; return an iterator of what was read of each.

    If it *rewrites* references, the content is kept of sources that refer to others; it is always
    kept of those that are not files on this disk, in *spool*. *existing* are the files of the tree
    *root* that may stay. With *strong* the SHA-256 is computed, with *hashed* the MD5 in any case.
    What *index* has is not read. The iterator raises OSError.
    """
    if not index:
        pool.start(len(sources))  # they start while the items are made
    digests = strong, hashed or rewrites or strong
    items = []
    for source, searched in zip(sources, _searched(sources, storage, rewrites), strict=True):
        target = f"{root}/{source.path}" if source.path in existing else ""
        items.append((source.local_path(), target, *searched, *digests))
    known = [index.find(*item) if index and item[0] and item[1] else None for item in items]
    unknown = zip(items, known, strict=True)
    results = pool.run("read", [item for item, found in unknown if item[0] and found is None])
    requests = zip(sources, items, known, strict=True)
    return _readings(requests, results, spool, index, strong=strong)


def _searched(
    sources: Iterable[Source], storage: Any, rewrites: bool
) -> Iterator[tuple[tuple[Needle, ...] | None, bool]]:
    """Yield what each of *sources* is searched for, and whether it is."""
    by_suffix: dict[str, tuple[Needle, ...] | None] = {}
    for source in sources:
        if not (rewrites and is_adjustable(storage, source.path)):
            yield (), False
            continue
        suffix = posixpath.splitext(source.name)[1] or source.name
        if suffix not in by_suffix:
            by_suffix[suffix] = needles(storage, source.name)
        yield by_suffix[suffix], True


def _readings(
    requests: Iterable[tuple[Source, Item, Item | None]],
    results: Iterator[Item],
    spool: Spool,
    index: FileIndex | None,
    *,
    strong: bool,
) -> Iterator[Reading]:
    """Yield what was read for each of *requests*: a source, its item, and its known result.

    The others are the next of *results*, or the source's storage opens it.
    """
    for source, item, result in requests:
        path, target = item[:2]
        if path:
            if result is None:
                result = next(results)
                if index:
                    index.add(item, result)
            size, modified, md5, sha256, state, found = result
            file = OutputFile((), md5, sha256, size, path, modified)
            content: Content | None = found
            if found is not None and not (found and spool.has_room(size)):
                content = FileContent(path, size, modified)
            yield Reading(source, file, state == SAME, content)
        else:
            data = source.read()
            is_unmodified = _is_up_to_date(source, target, data)
            content = spool.keep(data)
            file = OutputFile((), *digest(data, strong), len(data), content=content)
            yield Reading(source, file, is_unmodified, content)


def _is_up_to_date(source: Source, target: str, content: bytes) -> bool:
    """Tell whether *target* is, by Django's rule; a source without a time is always newer."""
    if not os.path.lexists(target):
        return False
    try:
        modified = source.storage.get_modified_time(source.name).timestamp()
    except (OSError, NotImplementedError):
        return False
    found = os.lstat(target)
    if not stat.S_ISREG(found.st_mode) or int(found.st_mtime) < int(modified):
        return False
    return Path(target).read_bytes() == content
