"""Read the winning sources, each once, and compare them with the files in the tree."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from buildstatic.collect.sources import Source
from buildstatic.collect.storages.adapter import Fingerprinting
from buildstatic.collect.storages.recognize import unwrap
from buildstatic.collect.tree import Tree
from buildstatic.collect.workers.pool import WorkerPool
from buildstatic.collect.workers.read_task import ABSENT, OLDER, OTHER, SAME, Needle, digest


@dataclass(frozen=True, slots=True)
class Reading:
    """A source that was read; *path* is empty if it is not a file on this disk.

    *modified* is in ns, *digest* the MD5, *identity* the SHA-256, *state* that of the file in the
    tree (see `read_task`).
    """

    source: Source
    path: str
    size: int
    modified: int
    digest: str
    identity: str
    state: int
    content: bytes | None

    @property
    def is_unmodified(self) -> bool:
        """Whether the tree has an equal file that is not older."""
        return self.state == SAME


def read_sources(
    sources: Sequence[Source],
    storage: Any,
    tree: Tree,
    pool: WorkerPool,
    progress: Callable[[int], None],
    *,
    fingerprinting: Fingerprinting | None,
    existing: frozenset[str],
    strong: bool,
) -> tuple[Reading, ...]:
    """Read *sources*; *progress* is called with 1 for each.

    The content is kept of sources that refer to others, as *fingerprinting* of *storage* finds, and
    of those that are not files on this disk. *existing* are the files of the tree that may stay.
    With *strong* the SHA-256 is computed. Raises OSError.
    """
    paths = [local_path(source) for source in sources]
    hashed = fingerprinting is not None or strong
    needles: dict[str, tuple[Needle, ...] | None] = {}  # by suffix
    items = []
    for source, path in zip(sources, paths, strict=True):
        target = tree.path(source.path) if source.path in existing else ""
        wanted: tuple[Needle, ...] | None = ()
        is_text = fingerprinting is not None and fingerprinting.is_text(storage, source.path)
        if fingerprinting is not None and is_text:
            suffix = os.path.splitext(source.name)[1] or source.name
            if suffix not in needles:
                needles[suffix] = fingerprinting.needles(storage, source.name)
            wanted = needles[suffix]
        items.append((path, target, wanted, is_text, strong, hashed))
    results = pool.run("read", [item for item in items if item[0]])
    readings = []
    for source, path, item in zip(sources, paths, items, strict=True):
        if path:
            reading = Reading(source, path, *next(results))
        else:
            content = source.read()
            state = _target_state(source, item[1], content)
            digests = digest(content, strong)
            reading = Reading(source, "", len(content), 0, *digests, state, content)
        readings.append(reading)
        progress(1)
    return tuple(readings)


def _target_state(source: Source, target: str, content: bytes) -> int:
    """Return the state of *target* by Django's rule; a source without a time is always newer."""
    if not os.path.lexists(target):
        return ABSENT
    try:
        modified = source.storage.get_modified_time(source.name).timestamp()
    except (OSError, NotImplementedError):
        return OLDER
    found = os.lstat(target)
    if not stat.S_ISREG(found.st_mode) or int(found.st_mtime) < int(modified):
        return OLDER
    with open(target, "rb") as file:
        return SAME if file.read() == content else OTHER


def local_path(source: Source) -> str:
    """Return the path of *source*, or an empty string if only its storage can open it."""
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
