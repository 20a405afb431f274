"""What files with references became in the last run: the same, if nothing that matters has changed.

That is the name and the content of each source, the storage with its settings, and the code of
Django and of the storage's classes.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import stat
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildstatic.collect.contents import FileContent
from buildstatic.collect.file_index import FileIndex, stamp
from buildstatic.collect.reading import Reading
from buildstatic.collect.tree import LockedTree

# MD5, SHA-256 (empty if not needed) and size in bytes.
Result = tuple[str, str, int]


@dataclass(frozen=True)
class KnownResults:
    """The results in *index*, which hold for *key*; the files are in *tree*."""

    index: FileIndex
    tree: LockedTree
    key: str

    def get(self) -> Mapping[str, Result]:
        """Return the result of each file with references, by its name; nothing if none is known."""
        known = self.index.results
        with suppress(TypeError, ValueError, KeyError, AttributeError):
            if known["key"] == self.key:
                return {
                    name: (md5, sha256, size)
                    for name, (md5, sha256, size) in known["files"].items()
                }
        return {}

    def content(self, name: str, md5: str, size: int) -> FileContent | None:
        """Return the content *md5* of the file *name* of the tree; None if it may have another."""
        path = self.tree.path(name)
        try:
            status = os.lstat(path)
        except (OSError, ValueError):
            return None
        is_file = stat.S_ISREG(status.st_mode) and status.st_size == size
        if not is_file or not self.index.has_output(name, status, md5):
            return None
        return FileContent(path, size, status.st_mtime_ns)

    def record(self, results: Mapping[str, Result]) -> None:
        """Keep the *results* of all files with references for the next run."""
        files = {name: list(result) for name, result in results.items()}
        self.index.set_results({"key": self.key, "files": files})


def known_results(
    index: FileIndex, tree: LockedTree, storage: Any, readings: Iterable[Reading]
) -> KnownResults:
    """Return the results that *index* has for *readings* as *storage* collects them."""
    key = hashlib.sha256(_code_and_settings(storage))
    for reading in sorted(readings, key=lambda each: each.source.path):
        source, file = reading.source, reading.file
        each = source.path, source.name, file.digest, bool(file.identity)
        key.update(f"{each}\n".encode(errors="surrogatepass"))
    return KnownResults(index, tree, key.hexdigest())


def _code_and_settings(storage: Any) -> bytes:
    """Return what differs if *storage* may make something else of the same files."""
    import django
    from django.conf import settings

    classes = []
    for each in type(storage).__mro__[:-1]:
        file = getattr(sys.modules.get(each.__module__), "__file__", None)
        classes.append(
            (each.__module__, each.__qualname__, stamp(Path(file).stat()) if file else None)
        )
    simple = {n: v for n, v in vars(storage).items() if isinstance(v, str | int | float | None)}
    urls = settings.STATIC_URL, storage.base_url
    state = django.VERSION, classes, sorted(simple.items()), urls, storage.max_post_process_passes
    return repr(state).encode(errors="surrogatepass") + pickle.dumps(storage._patterns)
