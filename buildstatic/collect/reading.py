"""Reading the sources that win: each once, with its digests, and what the tree has in its place."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from buildstatic.collect.outputs import Reading
from buildstatic.collect.sources import Source
from buildstatic.collect.storages.adapter import Fingerprinting
from buildstatic.collect.storages.recognize import unwrap
from buildstatic.collect.tree import Tree
from buildstatic.collect.workers import read_task as chores
from buildstatic.collect.workers.pool import Workers
from buildstatic.collect.workers.read_task import Needle


def read_sources(
    sources: Sequence[Source],
    storage: Any,
    tree: Tree,
    crew: Workers,
    progress: Callable[[int], None],
    *,
    way: Fingerprinting | None,
    present: frozenset[str],
    strong: bool,
) -> tuple[Reading, ...]:
    """Return *sources* as they were read.

    *progress* is told of each of them. The content is kept of those that refer to others, in the
    *way* that *storage* fingerprints (None for none), and of those that are no file on this disk.
    *present* are the names in the tree that may stay.
    """
    paths = [local_path(source) for source in sources]
    hashed = way is not None or strong
    needed = _Needles(storage, way) if way else None
    items = []
    for source, path in zip(sources, paths, strict=True):
        is_text = way is not None and way.is_text(storage, source.path)
        target = tree.path(source.path) if source.path in present else ""
        wanted = needed.of(source.name) if needed and is_text else ()
        items.append((path, target, wanted, is_text, strong, hashed))
    results = crew.run("read", [item for item in items if item[0]])
    readings = []
    for reading in _readings(sources, paths, items, results):
        readings.append(reading)
        progress(1)
    return tuple(readings)


@dataclass(frozen=True)
class _Needles:
    """The needles of the patterns that *storage* has for a name: those of its suffix."""

    storage: Any
    way: Fingerprinting
    known: dict[str, tuple[Needle, ...] | None] = field(default_factory=dict)

    def of(self, name: str) -> tuple[Needle, ...] | None:
        suffix = os.path.splitext(name)[1] or name
        if suffix not in self.known:
            self.known[suffix] = self.way.needles(self.storage, name)
        return self.known[suffix]


def _readings(
    sources: Sequence[Source],
    paths: Sequence[str],
    items: Sequence[tuple[Any, ...]],
    results: Iterator[tuple[Any, ...]],
) -> Iterator[Reading]:
    for source, path, item in zip(sources, paths, items, strict=True):
        if path:
            yield Reading(source, path, *next(results))
        else:
            content = source.read()
            digests = chores.digest(content, item[4])
            state = _state(source, item[1], content)
            yield Reading(source, "", len(content), 0, *digests, state, content)


def _state(source: Source, target: str, content: bytes) -> int:
    """Return the state of *target* by Django's rule; a source without a time is always newer."""
    if not os.path.lexists(target):
        return chores.ABSENT
    try:
        modified = source.storage.get_modified_time(source.name).timestamp()
    except (OSError, NotImplementedError):
        return chores.OLDER
    found = os.lstat(target)
    if not stat.S_ISREG(found.st_mode) or int(found.st_mtime) < int(modified):
        return chores.OLDER
    with open(target, "rb") as file:
        return chores.SAME if file.read() == content else chores.OTHER


def local_path(source: Source) -> str:
    """Return where *source* is on this disk, or nothing where only its storage can open it."""
    from django.core.files.storage import FileSystemStorage

    storage = unwrap(source.storage)
    kind = type(storage)
    if not isinstance(storage, FileSystemStorage) or kind.open is not FileSystemStorage.open:
        return ""
    if kind._open is not FileSystemStorage._open:
        return ""
    if kind.path is FileSystemStorage.path:
        return f"{storage.location}/{source.name}"
    return str(storage.path(source.name))
