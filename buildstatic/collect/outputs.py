"""What the sources become: the files of the tree, and which of them it has already."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildstatic.collect.file_index import FileIndex
from buildstatic.collect.fingerprint import (
    Fingerprinted,
    Kept,
    Original,
    TreeOnDisk,
    fingerprint_files,
)
from buildstatic.collect.hashed_names import insert_md5
from buildstatic.collect.known_results import known_results
from buildstatic.collect.needles import is_adjustable
from buildstatic.collect.publish import OutputFile
from buildstatic.collect.reading import Reading
from buildstatic.collect.spool import Spool
from buildstatic.collect.storages.adapter import Adapter
from buildstatic.collect.storages.disk_access import only_computes
from buildstatic.collect.storages.manifest import make_manifest
from buildstatic.collect.tree import NAME_MAX, LockedTree
from buildstatic.collect.workers.file_tasks import digest
from buildstatic.collect.workers.pool import WorkerPool

if TYPE_CHECKING:
    from buildstatic.collect.memory.tree import MemoryTree, Sources

    RunOwnCode = Callable[[MemoryTree, Sources], None]


@dataclass(frozen=True)
class Outputs:
    """The *files* of a collection, of whose names the tree has those in *current* already.

    *removed* are the names of earlier runs that do not stay. *manifest* is the manifest, if any.
    Only the names in *compressed* may get variants, if it is not None. *fingerprinted* is the
    number of sources with a name by content; *processed* (names and new names) and *skipped* are
    what collectstatic logs of them.
    """

    files: tuple[OutputFile, ...]
    current: Set[str]
    removed: Set[str] = frozenset()
    manifest: bytes | None = None
    compressed: Set[str] | None = None
    fingerprinted: int = 0
    processed: tuple[tuple[str, str], ...] = ()
    skipped: tuple[str, ...] = ()


def plain_outputs(readings: Sequence[Reading]) -> Outputs:
    """Return *readings* under their own names."""
    current = {reading.source.path for reading in readings if reading.is_unmodified}
    return Outputs(_output_files(readings, {}, originals=True), current)


class LikelyOutputs:
    """What sources will most likely become, as they are read.

    They have their own names, *names* for all sources. Those that refer to no others also have
    names with the MD5, if *storage* inserts that. All names differ, and those with the MD5 are not
    too long for any file system.
    """

    def __init__(self, storage: Any, names: Iterable[str]) -> None:
        self.inserts_md5 = _inserts_md5(storage)
        self.taken = set(names)
        self.files: list[OutputFile] = []

    def add(self, reading: Reading) -> None:
        """Add what *reading* will become."""
        file, name = reading.file, reading.source.path
        names: tuple[str, ...] = (name,)
        if self.inserts_md5 and reading.content is None:
            hashed = insert_md5(name, file.digest)
            if hashed not in self.taken and len(os.fsencode(hashed)) <= NAME_MAX:
                self.taken.add(hashed)
                names = name, hashed
        self.files.append(file.named(names))


def _inserts_md5(storage: Any) -> bool:
    """Tell whether ``hashed_name`` of *storage* is likely to do what `insert_md5` does."""
    from django.core.files.base import ContentFile

    if not all(only_computes(type(storage), each) for each in ("hashed_name", "file_hash")):
        return False
    content = b"sample"
    try:
        name = storage.hashed_name("sample", ContentFile(content))
    except Exception:
        return False
    return bool(name == insert_md5("sample", digest(content, strong=False)[0]))


def fingerprinted_outputs(
    readings: Sequence[Reading],
    storage: Any,
    adapter: Adapter,
    tree: LockedTree,
    pool: WorkerPool,
    spool: Spool,
    *,
    existing: frozenset[str],
    kept: Kept,
    warn: Callable[[str], None] | None,
    index: FileIndex | None = None,
) -> Outputs:
    """Return *readings* under their own and their fingerprinted names.

    *existing* are the files of *tree* that may stay, *kept* what does. With *warn*, a missing
    source map is only a warning. What *index* has is not read. Raises `UnresolvedReferences` or
    `CircularReferences`.
    """
    originals = originals_of(readings, storage)
    before = TreeOnDisk(storage, originals, kept)
    # A warning has to be given again.
    known = known_results(index, tree, storage, readings) if index and warn is None else None
    made = fingerprint_files(
        storage, originals, tree=before, spool=spool, existing=existing, warn=warn, known=known
    )
    if known and not before.was_read:
        referring = ((o.name, made.files[o.name]) for o in originals if o.content is not None)
        known.record({n: (item.digest, item.identity, item.size) for n, item in referring})
    # A content that can be read again would only take memory.
    readings = tuple(replace(r, content=None) if r.file.path and r.content else r for r in readings)
    removes = adapter.removes_originals
    keeps_originals = removes is None or not removes(storage)
    current = {reading.source.path for reading in readings if reading.is_unmodified}
    rewritten: dict[str, tuple[str, os.stat_result]] = {}
    for reading in readings:
        name = reading.source.path
        item = made.files[name]
        if item.is_taken or item.name not in existing:
            continue
        status = os.lstat(tree.path(item.name))
        if not stat.S_ISREG(status.st_mode) or status.st_size != item.size:
            continue  # a killed run may have left part of a file
        is_known = index is not None and index.has_output(item.name, status, item.digest)
        if is_known or not is_adjustable(storage, name):
            current.add(item.name)
        else:  # Django writes it each time
            rewritten[item.name] = item.digest, status
    found = pool.run("read", [(tree.path(n), "", (), False, False, True) for n in rewritten])
    for (name, (md5, status)), result in zip(rewritten.items(), found, strict=True):
        if result[2] == md5:
            current.add(name)
            if index:
                index.add_output(name, status, md5)
    return Outputs(
        _output_files(readings, made.files, originals=keeps_originals),
        current,
        set() if keeps_originals else {reading.source.path for reading in readings},
        make_manifest(storage, {name: item.name for name, item in made.files.items()}),
        fingerprinted=len(made.files),
        processed=made.processed,
        skipped=made.skipped,
    )


def originals_of(readings: Iterable[Reading], storage: Any) -> tuple[Original, ...]:
    """Return *readings* as `fingerprint_files` takes them."""
    originals = []
    for reading in readings:
        name, file = reading.source.path, reading.file
        content = reading.content if file.path or is_adjustable(storage, name) else None
        values = file.digest, file.identity, file.size
        originals.append(Original(name, reading.source.name, *values, content))
    return tuple(originals)


def outputs_in_memory(
    readings: Sequence[Reading],
    storage: Any,
    adapter: Adapter,
    tree: LockedTree,
    pool: WorkerPool,
    spool: Spool,
    run_own_code: RunOwnCode,
    *,
    existing: frozenset[str],
    kept: Kept,
    strong: bool,
) -> Outputs:
    """Return what the own code of *storage*, started by *run_own_code*, makes of *readings*.

    *existing* and *kept* are as in `fingerprinted_outputs`; with *strong* the SHA-256 of each
    content is computed. Raises what *run_own_code* does.
    """
    from buildstatic.collect.memory.shown import shown
    from buildstatic.collect.memory.tree import MemoryTree

    memory = MemoryTree(
        storage,
        existing if kept is Kept.FILES else frozenset(),
        shows_directories=kept is not Kept.NOTHING and not tree.is_empty,
        strong=strong,
        spool=spool,
    )
    sources = memory.sources(readings)
    with shown(memory, adapter):
        run_own_code(memory, sources)
    files = memory.outputs()
    unmodified = {r.source.path: r.file.digest for r in readings if r.is_unmodified}
    current = {
        name
        for file in files
        for name in file.names
        if name in existing
        and (unmodified.get(name) == file.digest or _has_content(tree, name, file))
    }
    stayed = sorted(n for n in memory.processed if memory.is_on_disk(n))
    paths = [tree.path(name) for name in stayed]
    found = pool.run("read", [(path, "", (), False, strong, True) for path in paths])
    for name, path, (size, modified, md5, sha256, *_) in zip(stayed, paths, found, strict=True):
        files.append(OutputFile((name,), md5, sha256, size, path, modified))
        current.add(name)
    return Outputs(
        tuple(files),
        current,
        memory.removed,
        memory.manifest,
        memory.compressed,
        fingerprinted=len(memory.processed),
    )


def _has_content(tree: LockedTree, name: str, file: OutputFile) -> bool:
    """Return whether the file *name* of *tree* has the content of *file*."""
    if not _has_size(tree, name, file.size):
        return False
    return Path(tree.path(name)).read_bytes() == file.read()


def _has_size(tree: LockedTree, name: str, size: int) -> bool:
    """Return whether *name* is a file of *size*; a killed run may have left part of one."""
    status = os.lstat(tree.path(name))
    return stat.S_ISREG(status.st_mode) and status.st_size == size


def _output_files(
    readings: Sequence[Reading], fingerprinted: Mapping[str, Fingerprinted], *, originals: bool
) -> tuple[OutputFile, ...]:
    """Return what *readings* become, with the names in *fingerprinted*.

    Without *originals*, fingerprinted sources have no other name.
    """
    files = []
    kept = {item.name for item in fingerprinted.values() if item.is_taken}
    replaced = {item.name for item in fingerprinted.values() if not item.is_taken}
    for reading in readings:
        name = reading.source.path
        item = fingerprinted.get(name)
        names: tuple[str, ...] = ()
        if (originals or item is None or name in kept) and name not in replaced:
            names = (name,)
        if item is not None and item.content is None and not item.is_taken:
            names = (*names, item.name)
        if names:
            files.append(reading.file.named(names))
        if item is not None and item.content is not None:
            values = item.digest, item.identity, item.size
            files.append(OutputFile((item.name,), *values, content=item.content))
    return tuple(files)
