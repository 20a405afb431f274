"""The collector: does the work of the loop in the installed collectstatic."""

from __future__ import annotations

import gc
import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildstatic.collect.compress import Variants, compress
from buildstatic.collect.fingerprint import (
    Fingerprinted,
    Fingerprints,
    Kept,
    TreeOnDisk,
    fingerprint_files,
)
from buildstatic.collect.layer_root import LayerRoot, empty
from buildstatic.collect.planning import Plan
from buildstatic.collect.publish import (
    LockedTree,
    OutputFile,
    Staging,
    locked_tree,
    publish,
    remove_files,
)
from buildstatic.collect.reading import Reading, originals_of, read_sources
from buildstatic.collect.request import Callbacks, CollectOptions, Summary
from buildstatic.collect.storages.adapter import Adapter, FinishedTree
from buildstatic.collect.storages.manifest import make_manifest, write_manifest
from buildstatic.collect.workers.pool import WorkerPool, worker_pool

if TYPE_CHECKING:
    from buildstatic.collect.memory.tree import MemoryTree, Sources

    RunOwnCode = Callable[[MemoryTree, Sources], None]


@dataclass
class Outcome:
    """What was collected, as collectstatic counts it: names of sources and what they became.

    *replaced* are the modified ones that were in the tree; *skipped* those whose fingerprinted
    file already existed; *deleted* are the files that ``--clear`` removed.
    """

    modified: list[str] = field(default_factory=list)
    unmodified: list[str] = field(default_factory=list)
    post_processed: list[tuple[str, str]] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    summary: Summary = field(default_factory=Summary)

    def add(self, **counts: Any) -> None:
        """Set *counts* in the summary."""
        self.summary = replace(self.summary, **counts)


def run_collector(
    storage: Any,
    adapter: Adapter,
    plan: Plan,
    options: CollectOptions,
    variants: Variants | None,
    layer: LayerRoot | None,
    callbacks: Callbacks,
    run_own_code: RunOwnCode | None = None,
) -> Outcome:
    """Collect *plan* into *storage*, which is moved to *layer* if there is one.

    Read, fingerprint, publish, compress; the manifest last. With *run_own_code*, the storage's own
    code makes the files from those that were read, in memory.

    Raises `UnresolvedReferences`, `CircularReferences` (see `fingerprint`), OSError,
    `CollectFailed`, and what *run_own_code* does.
    """
    with (
        locked_tree(storage, starts_empty=layer is not None) as tree,
        worker_pool(lock=tree.lock) as pool,
        _without_gc(),
    ):
        work = _Collector(storage, adapter, plan, options, variants, layer, callbacks, tree, pool)
        if run_own_code:
            made = work.make_in_memory(work.read(in_memory=True), run_own_code)
        else:
            made = work.make(work.read(in_memory=False))
        if layer:
            empty(layer)
        staging = work.publish(made)
        collected = {name for output in made.outputs for name in output.names}
        if variants and options.post_process:
            collected |= work.compress(staging, made, variants)
        staging.commit()
        work.finish(staging, made, collected)
        return work.outcome


@contextmanager
def _without_gc() -> Iterator[None]:
    """Disable the garbage collector: the project has many objects, and no garbage is made."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@dataclass(frozen=True)
class _Made:
    """The *outputs* of a collection, of whose names the tree has those in *current* already.

    *removed* are the files of earlier runs that do not stay. *manifest* is the manifest, if any.
    Only the names in *compressed* may get variants, if it is not None.
    """

    outputs: tuple[OutputFile, ...]
    current: Set[str]
    removed: Set[str] = frozenset()
    manifest: bytes | None = None
    compressed: Set[str] | None = None


@dataclass
class _Collector:
    """The steps of one collection, and what they know of the names in the tree.

    *reusable* are the files of the tree that may stay (none with ``--clear``).
    """

    storage: Any
    adapter: Adapter
    plan: Plan
    options: CollectOptions
    variants: Variants | None
    layer: LayerRoot | None
    callbacks: Callbacks
    tree: LockedTree
    pool: WorkerPool
    outcome: Outcome = field(default_factory=Outcome)
    reusable: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.options.clear:
            self.reusable = self.tree.files

    def read(self, *, in_memory: bool) -> tuple[Reading, ...]:
        options = self.options
        rewrites = self.adapter.fingerprints or (in_memory and hasattr(self.storage, "_patterns"))
        with self.step("read", len(self.plan.wins)) as progress:
            readings = read_sources(
                self.plan.wins,
                self.storage,
                self.tree.root,
                self.pool,
                progress,
                fingerprints=rewrites and options.post_process,
                existing=self.reusable,
                strong=self.is_strong,
                hashed=in_memory,
            )
        self.outcome.add(files=len(readings), bytes=sum(reading.size for reading in readings))
        outcome = self.outcome
        for reading in readings:
            name = reading.source.path
            (outcome.unmodified if reading.is_unmodified else outcome.modified).append(name)
            if name in self.reusable and not reading.is_unmodified:
                outcome.replaced.append(name)
        outcome.add(copied=len(outcome.modified), unmodified=len(outcome.unmodified))
        return readings

    @property
    def is_strong(self) -> bool:
        """Whether the SHA-256 of each content is needed."""
        return self.options.hardlinks or bool(self.layer) or self.variants is not None

    @property
    def kept(self) -> Kept:
        if self.layer:
            return Kept.NOTHING
        options = self.options
        return Kept.DIRECTORIES if options.clear or options.prune else Kept.FILES

    def make(self, readings: tuple[Reading, ...]) -> _Made:
        """Return what *readings* become."""
        made = self.fingerprint(readings)
        # A content that can be read again would only take memory.
        readings = tuple(replace(r, content=None) if r.path and r.content else r for r in readings)
        files = made.files if made else {}
        removes = self.adapter.removes_originals
        keeps_originals = made is None or removes is None or not removes(self.storage)
        current = {reading.source.path for reading in readings if reading.is_unmodified}
        for reading in readings if made else ():
            item = files[reading.source.path]
            if self.is_current(item, reading):
                current.add(item.name)
        if made:
            self.outcome.post_processed += made.processed
            self.outcome.skipped += made.skipped
            self.outcome.add(fingerprinted=len(files))
        return _Made(
            _outputs_of(readings, files, originals=keeps_originals),
            current,
            set() if keeps_originals else {reading.source.path for reading in readings},
            make_manifest(self.storage, {n: item.name for n, item in files.items()})
            if made
            else None,
        )

    def make_in_memory(self, readings: tuple[Reading, ...], run: RunOwnCode) -> _Made:
        """Return what the storage's own code makes of *readings*."""
        from buildstatic.collect.memory.shown import shown
        from buildstatic.collect.memory.tree import MemoryTree

        kept = self.kept
        memory = MemoryTree(
            self.storage,
            self.reusable if kept is Kept.FILES else frozenset(),
            shows_directories=kept is not Kept.NOTHING and not self.tree.is_empty,
            strong=self.is_strong,
        )
        sources = memory.sources(readings)
        with self.step("fingerprint", len(readings)), shown(memory, self.adapter):
            run(memory, sources)
        outputs = memory.outputs()
        unmodified = {r.source.path: r.digest for r in readings if r.is_unmodified}
        current = {
            name
            for output in outputs
            for name in output.names
            if name in self.reusable
            and (unmodified.get(name) == output.digest or self.is_equal(name, output))
        }
        stayed = sorted(n for n in memory.processed if memory.is_on_disk(n))
        paths = [self.tree.path(name) for name in stayed]
        found = self.pool.run("read", [(p, "", (), False, self.is_strong, True) for p in paths])
        for name, path, (size, modified, md5, sha256, *_) in zip(stayed, paths, found, strict=True):
            outputs.append(OutputFile((name,), md5, sha256, size, path, modified))
            current.add(name)
        self.outcome.add(fingerprinted=len(memory.processed))
        return _Made(tuple(outputs), current, memory.removed, memory.manifest, memory.compressed)

    def is_equal(self, name: str, output: OutputFile) -> bool:
        """Tell whether the tree's file *name* has the content of *output*."""
        path = self.tree.path(name)
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size != output.size:
            return False
        content = Path(output.path).read_bytes() if output.content is None else output.content
        return Path(path).read_bytes() == content

    def fingerprint(self, readings: Iterable[Reading]) -> Fingerprints | None:
        """Return what *readings* become; None if the storage does not fingerprint."""
        if not (self.adapter.fingerprints and self.options.post_process):
            return None
        originals = originals_of(readings, self.storage)
        warn = self.callbacks.warn if self.options.missing_maps == "warn" else None
        with self.step("fingerprint", len(originals)):
            tree = TreeOnDisk(self.storage, originals, self.kept)
            return fingerprint_files(
                self.storage, originals, tree=tree, existing=self.reusable, warn=warn
            )

    def publish(self, made: _Made) -> Staging:
        """Write the outputs, but for the names that the tree has already with the right content."""
        options = self.options
        to_write = made.outputs
        if made.current:
            left = (tuple(n for n in o.names if n not in made.current) for o in made.outputs)
            pairs = zip(made.outputs, left, strict=True)
            to_write = tuple(replace(output, names=names) for output, names in pairs if names)
        with self.step("publish", len(to_write)) as progress:
            staging = publish(
                self.tree,
                made.outputs,
                to_write,
                self.pool,
                progress,
                links=bool(self.layer) or options.hardlinks,
                reproducible=bool(self.layer),
                replaces=options.clear or options.prune,
                has_variants=self.variants is not None or options.compress is not None,
            )
        self.outcome.add(copies=staging.copies)
        return staging

    def is_current(self, item: Fingerprinted, reading: Reading) -> bool:
        """Tell whether the tree has *item*, made of *reading*, with the right content.

        A killed run may have left part of it; what was rewritten, Django writes each time.
        """
        if item.is_taken or item.name not in self.reusable:
            return False
        path = self.tree.path(item.name)
        size = reading.size if item.content is None else len(item.content)
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            return False
        return item.content is None or Path(path).read_bytes() == item.content

    def compress(self, staging: Staging, made: _Made, variants: Variants) -> set[str]:
        """Make the *variants* of the outputs; return their names."""
        names = made.compressed
        if names is not None and not self.options.compress:
            variants = replace(variants, fits=lambda name: name in names)
        items, results = compress(made.outputs, variants, staging, self.pool)
        written: set[str] = set()
        counts: Counter[str] = Counter()
        total = sum(item.size for item in items)
        with self.step("compress", total) as progress:
            for item, compressed in results:
                for variant in compressed:
                    pairs = [(name, f"{name}.{variant.suffix}") for name in item.names]
                    self.outcome.post_processed += pairs
                    written.update(name for _, name in pairs)
                    counts.update(variants=1, variant_bytes=variant.size)
                    counts.update(hits=int(variant.hit), reused=int(variant.reused))
                progress(item.size)
        self.outcome.add(**counts)
        return written

    def finish(self, staging: Staging, made: _Made, collected: Set[str]) -> None:
        """Replace the manifest if there is one, then remove files of the tree.

        The stale files are those that the tree had and that are not *collected* now. All are
        removed with ``--clear`` or ``--prune``, else only those that the storage removes, and
        outdated variants, which were removed before.
        """
        options = self.options
        stale = self.tree.files - collected - staging.directories
        if made.manifest is not None:
            manifest = self.storage.manifest_storage.path(self.storage.manifest_name)
            stale -= {os.path.relpath(manifest, self.tree.root)}
        removed = stale
        if not (options.clear or options.prune):
            removed = stale & (made.removed | staging.outdated)
        if made.manifest is not None:
            gone = frozenset(map(self.tree.path, removed))
            tree = FinishedTree(gone, self.layer.path if self.layer else None)
            write_manifest(self.storage, self.adapter, made.manifest, tree)
        if options.clear:
            self.outcome.deleted = sorted(self.tree.files)
        remove_files(self.tree, removed)
        self.outcome.add(removed=len(removed), stale=len(stale - removed))

    @contextmanager
    def step(self, name: str, total: int) -> Iterator[_StepProgress]:
        """Measure a step, and report its progress."""
        started = time.monotonic()
        progress = _StepProgress(self.callbacks, name, total)
        progress(0)
        yield progress
        seconds = round(time.monotonic() - started, 3)
        self.outcome.add(seconds={**self.outcome.summary.seconds, name: seconds})


@dataclass
class _StepProgress:
    """Reports the progress of one step, at most a hundred times."""

    callbacks: Callbacks
    step: str
    total: int
    done: int = 0
    reported: int = 0

    def __call__(self, more: int) -> None:
        """Add *more* to what is done."""
        self.done += more
        is_due = self.done - self.reported > self.total // 100
        if not self.done or self.done == self.total or is_due:
            self.reported = self.done
            self.callbacks.progress(self.step, self.done, self.total)


def _outputs_of(
    readings: Sequence[Reading], files: Mapping[str, Fingerprinted], *, originals: bool
) -> tuple[OutputFile, ...]:
    """Return what *readings* become, with the fingerprinted names in *files*.

    Without *originals*, fingerprinted sources have no other name.
    """
    outputs = []
    kept = {item.name for item in files.values() if item.is_taken}
    replaced = {item.name for item in files.values() if not item.is_taken}
    for reading in readings:
        name = reading.source.path
        item = files.get(name)
        names: tuple[str, ...] = ()
        if (originals or item is None or name in kept) and name not in replaced:
            names = (name,)
        if item is not None and item.content is None and not item.is_taken:
            names = (*names, item.name)
        if names:
            outputs.append(reading.output(names))
        if item is not None and item.content is not None:
            size = len(item.content)
            outputs.append(
                OutputFile((item.name,), item.digest, item.identity, size, content=item.content)
            )
    return tuple(outputs)
