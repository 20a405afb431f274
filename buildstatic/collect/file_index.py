"""The file index: what was found in files that have not changed since, so they are not read again.

As in git's index, a file is the same if its device, inode, size and times are. Unlike the time of
modification, that of the last change of its inode cannot be set, not even by tools that give all
files the same time. A file that was changed just before it was read is not recorded: another change
could have the same time (git's "racily clean" entries).
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from buildstatic import __version__
from buildstatic.collect.cache import Cache
from buildstatic.collect.workers.file_tasks import SAME
from buildstatic.collect.workers.pool import MIN_ITEMS

# With fewer files in the tree, reading them takes no more time than the index.
MIN_FILES = MIN_ITEMS
# Nanoseconds from a change to when the file counts as settled: the times of a disk may be coarse.
SETTLING = 2_000_000_000
SECOND = 1_000_000_000
FORMAT = [2, __version__, sys.version]

# Device, inode, size, and the times of the last modification and change, in ns.
Stamp = tuple[int, int, int, int, int]


def stamp(found: os.stat_result) -> Stamp:
    """Return what changes when the file changes."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@dataclass
class FileIndex:
    """The index of the tree *root*, stored in *cache*.

    *sources* are those that equal the file in the tree, by the path of that: the arguments of the
    task ``read`` (their number in *kinds*), whether it returned the content, the digests, the
    stamps of both files. *outputs* are files in the tree, by name: MD5 and stamp. What is still
    true is in *kept* and *kept_outputs*. *stamps* are those of now, by the path in the tree.
    *results* are those of `known_results`.
    """

    cache: Cache
    root: str
    sources: Mapping[str, list[Any]] = field(default_factory=dict)
    outputs: Mapping[str, list[Any]] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    kept: dict[str, list[Any]] = field(default_factory=dict)
    kept_outputs: dict[str, list[Any]] = field(default_factory=dict)
    stamps: dict[str, list[int]] = field(default_factory=dict)
    known_kinds: dict[tuple[Any, ...], int] = field(default_factory=dict)
    is_changed: bool = False
    started: int = field(default_factory=time.time_ns)

    @classmethod
    def load(cls, cache: Cache, root: str) -> FileIndex:
        """Return the index of the tree *root*, an empty one if there is none that can be used."""
        index = cls(cache, root)
        try:
            stored = json.loads(cache.get_index(index.key) or b"{}")
            if stored.get("format") == FORMAT:
                index.sources, index.outputs = stored["sources"], stored["outputs"]
                index.results = stored["results"]
                index.kinds = {kind: number for number, kind in enumerate(stored["kinds"])}
            is_valid = all(isinstance(entry, list) for entry in index.sources.values())
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            is_valid = False
        return index if is_valid else cls(cache, root)

    @property
    def key(self) -> str:
        """The name of the index in the cache."""
        return hashlib.sha256(os.fsencode(self.root)).hexdigest()

    def find(self, path: str, target: str, *options: Any) -> tuple[Any, ...] | None:
        """Return what the task ``read`` returns for these arguments, None if it has to run.

        The content is empty, to be read.
        """
        try:
            stamps = [*stamp(os.stat(path)), *stamp(os.lstat(target))]
        except (OSError, ValueError):
            return None
        self.stamps[target] = stamps
        entry = self.sources.get(target)
        if entry is None or entry[4:] != stamps or entry[0] != self.kind(options):
            return None
        _, has_content, md5, sha256, *_ = entry
        _, _, size, modified, *_ = stamps
        self.kept[target] = entry
        return size, modified, md5, sha256, SAME, b"" if has_content else None

    def add(self, item: tuple[Any, ...], result: tuple[Any, ...]) -> None:
        """Record the *result* of the task ``read`` for *item*, which was not found."""
        _, target, *options = item
        _, _, md5, sha256, state, content = result
        stamps = self.stamps.get(target)
        if stamps and state == SAME and self.is_settled(stamps[4], stamps[9]):
            kind = self.kind(tuple(options))
            self.kept[target] = [kind, content is not None, md5, sha256, *stamps]
            self.is_changed = True

    def has_output(self, name: str, status: os.stat_result, md5: str) -> bool:
        """Tell whether the file *name* of the tree is recorded with *status* and the digest."""
        entry = self.outputs.get(name)
        if entry != [md5, *stamp(status)]:
            return False
        self.kept_outputs[name] = entry
        return True

    def add_output(self, name: str, status: os.stat_result, md5: str) -> None:
        """Record that the file *name*, which had *status* before, was read and has the digest."""
        if self.is_settled(status.st_ctime_ns):
            self.kept_outputs[name] = [md5, *stamp(status)]
            self.is_changed = True

    def set_results(self, results: Mapping[str, Any]) -> None:
        """Replace the results of `known_results`."""
        self.is_changed |= results != self.results
        self.results = results

    def is_settled(self, *changed: int) -> bool:
        """Tell whether another change would give the files another time than *changed*.

        A file system that only has whole seconds may not have the time of changes, either.
        """
        return all(each % SECOND and each < self.started - SETTLING for each in changed)

    def kind(self, options: tuple[Any, ...]) -> int:
        """Return the number of the arguments of the task ``read`` that follow the two paths."""
        number = self.known_kinds.get(options)
        if number is None:
            number = self.kinds.setdefault(repr(options), len(self.kinds))
            self.known_kinds[options] = number
        return number

    def save(self) -> None:
        """Store what is true now, if it is not what was stored."""
        is_same = len(self.kept) == len(self.sources)
        if self.is_changed or not is_same or len(self.kept_outputs) < len(self.outputs):
            content = {
                "format": FORMAT,
                "kinds": list(self.kinds),
                "sources": self.kept,
                "outputs": self.kept_outputs,
                "results": self.results,
            }
            self.cache.put_index(self.key, json.dumps(content, separators=(",", ":")).encode())
