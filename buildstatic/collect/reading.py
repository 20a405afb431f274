"""Reading the sources that win: each once, with its digests, and what the tree has in its place."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Any

from buildstatic.collect import chores
from buildstatic.collect.outputs import Reading
from buildstatic.collect.recognize import unwrapped
from buildstatic.collect.references import is_adjustable, needles
from buildstatic.collect.sources import Source
from buildstatic.collect.tree import Tree
from buildstatic.collect.workers import Workers


def read_sources(
    sources: Sequence[Source],
    storage: Any,
    tree: Tree,
    crew: Workers,
    *,
    fingerprints: bool,
    present: frozenset[str],
    strong: bool,
) -> tuple[Reading, ...]:
    """Return *sources* as they were read.

    The content is kept of those that refer to others, where *storage* fingerprints, and of those
    that are no file on this disk. *present* are the names in the tree that may stay.
    """
    paths = [local_path(source) for source in sources]
    known: dict[str, tuple[bytes, ...] | None] = {}
    items = []
    for source, path in zip(sources, paths, strict=True):
        is_text = fingerprints and is_adjustable(storage, source.path)
        target = tree.path(source.path) if source.path in present else ""
        items.append(
            (path, target, _needles(storage, source, known) if is_text else (), is_text, strong)
        )
    results = crew.run("read", [item for item in items if item[0]])
    return tuple(_readings(sources, paths, items, results))


def _needles(
    storage: Any, source: Source, known: dict[str, tuple[bytes, ...] | None]
) -> tuple[bytes, ...] | None:
    """Return the needles for *source*: patterns are nearly always by suffix."""
    suffix = os.path.splitext(source.name)[1] or source.name
    simple = all(
        extension == f"*{suffix}" or "*" not in extension[1:] for extension in storage._patterns
    )
    if not simple:
        return needles(storage, source.name)
    if suffix not in known:
        known[suffix] = needles(storage, source.name)
    return known[suffix]


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
            digests = chores.digest(content, item[-1])
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

    storage = unwrapped(source.storage)
    kind = type(storage)
    if not isinstance(storage, FileSystemStorage) or kind.open is not FileSystemStorage.open:
        return ""
    if kind._open is not FileSystemStorage._open:
        return ""
    if kind.path is FileSystemStorage.path:
        return f"{storage.location}/{source.name}"
    return str(storage.path(source.name))
