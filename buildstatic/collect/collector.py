"""The collector: does the work of the loop in the installed collectstatic."""

from __future__ import annotations

import gc
import os
import posixpath
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from buildstatic.collect.cache import Cache, default_directory
from buildstatic.collect.compress import Variants, compress
from buildstatic.collect.fingerprint import (
    Fingerprinted,
    Fingerprints,
    Kept,
    Original,
    fingerprint_files,
    save_manifest,
)
from buildstatic.collect.layer_root import LayerRoot, empty
from buildstatic.collect.planning import Plan, Source
from buildstatic.collect.publish import (
    OutputFile,
    Staging,
    Tree,
    check_names,
    list_files,
    lock_tree,
    names_below,
    outdated_variants,
    parent_directories,
    publish,
    remove_files,
    staging_directory,
    tree_of,
    without_names,
)
from buildstatic.collect.references import is_adjustable, needles
from buildstatic.collect.request import Callbacks, CollectOptions, Summary
from buildstatic.collect.storages.adapter import Adapter, FinishedTree
from buildstatic.collect.workers.file_tasks import ABSENT, OLDER, OTHER, SAME, Needle, digest
from buildstatic.collect.workers.pool import WorkerPool, available_cores, worker_pool


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


@dataclass(frozen=True, slots=True)
class Reading:
    """A source that was read; *path* is empty if it is not a file on this disk.

    *modified* is in ns, *digest* the MD5, *identity* the SHA-256, *state* that of the file in the
    tree (see `file_tasks`).
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


def run_collector(
    storage: Any,
    adapter: Adapter,
    plan: Plan,
    options: CollectOptions,
    variants: Variants | None,
    layer: LayerRoot | None,
    callbacks: Callbacks,
) -> Outcome:
    """Collect *plan* into *storage*, which is moved to *layer* if there is one.

    Read, fingerprint, publish, compress; the manifest last. Raises `UnresolvedReferences`,
    `CircularReferences` (see `fingerprint`), OSError and `CollectFailed`.
    """
    cache = Cache(options.cache or default_directory())
    tree = tree_of(storage)
    with lock_tree(tree) as lock:
        before = frozenset() if layer else list_files(tree)
        # The staging directory is removed after the workers, which write there.
        with ExitStack() as stack, worker_pool(available_cores(), lock) as pool, _without_gc():
            work = _Collector(
                storage, adapter, plan, options, variants, layer, callbacks, tree, before, pool
            )
            readings = work.read()
            made = work.fingerprint(readings)
            # A content that can be read again would only take memory.
            readings = tuple(
                replace(r, content=None) if r.path and r.content else r for r in readings
            )
            keeps_originals = made is None or adapter.keeps_originals(storage)
            outputs = _outputs_of(readings, made.files if made else {}, originals=keeps_originals)
            if layer:
                empty(layer)
            in_layer = layer is not None
            staging = stack.enter_context(
                staging_directory(tree, links=in_layer or options.hardlinks, reproducible=in_layer)
            )
            work.publish(staging, outputs, readings, made)
            collected = {name for output in outputs for name in output.names}
            if variants and options.post_process:
                collected |= work.compress(staging, outputs, variants, cache)
            staging.commit()
            work.finish(
                made,
                collected | parent_directories(outputs),
                set() if keeps_originals else {reading.source.path for reading in readings},
            )
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


@dataclass
class _Collector:
    """The steps of one collection, and what they know of the names in the tree.

    *before* are the files that the tree had; *reusable* those of them that may stay (none with
    ``--clear``). *outdated* are those that are variants of a file whose content changes: they are
    removed before it is written. *below* maps each directory that the tree had to its files: they
    are removed if a file replaces it.
    """

    storage: Any
    adapter: Adapter
    plan: Plan
    options: CollectOptions
    variants: Variants | None
    layer: LayerRoot | None
    callbacks: Callbacks
    tree: Tree
    before: frozenset[str]
    pool: WorkerPool
    outcome: Outcome = field(default_factory=Outcome)
    reusable: frozenset[str] = frozenset()
    outdated: frozenset[str] = frozenset()
    below: Mapping[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.options.clear:
            self.reusable = self.before

    def read(self) -> tuple[Reading, ...]:
        options = self.options
        with self.step("read", len(self.plan.wins)) as progress:
            readings = read_sources(
                self.plan.wins,
                self.storage,
                self.tree,
                self.pool,
                progress,
                fingerprints=self.adapter.fingerprints and options.post_process,
                existing=self.reusable,
                strong=options.hardlinks or bool(self.layer) or self.variants is not None,
            )
        self.outcome.add(files=len(readings), bytes=sum(reading.size for reading in readings))
        return readings

    def fingerprint(self, readings: Iterable[Reading]) -> Fingerprints | None:
        """Return what *readings* become; None if the storage does not fingerprint."""
        options = self.options
        if not (self.adapter.fingerprints and options.post_process):
            return None
        originals = originals_of(readings, self.storage)
        if self.layer:
            kept = Kept.NOTHING
        else:
            kept = Kept.DIRECTORIES if options.clear or options.prune else Kept.FILES
        warn = self.callbacks.warn if options.missing_maps == "warn" else None
        with self.step("fingerprint", len(originals)):
            return fingerprint_files(
                self.storage, originals, kept=kept, existing=self.reusable, warn=warn
            )

    def publish(
        self,
        staging: Staging,
        outputs: tuple[OutputFile, ...],
        readings: tuple[Reading, ...],
        made: Fingerprints | None,
    ) -> None:
        """Write *outputs*, but for the names that the tree has already with the right content."""
        if self.options.clear or self.options.prune:
            remove_files(self.tree, self.before & parent_directories(outputs))
            self.below = names_below(self.before)
        current = {reading.source.path for reading in readings if reading.is_unmodified}
        if made:
            for reading in readings:
                item = made.files[reading.source.path]
                if self.is_current(item, reading):
                    current.add(item.name)
        to_write = without_names(outputs, current)
        if self.variants is not None or self.options.compress is not None:
            # Before anything is written: a run that is killed may leave none, but no wrong ones.
            self.outdated = outdated_variants(to_write, outputs, self.before)
            remove_files(self.tree, self.outdated)
        with self.step("publish", len(to_write)) as progress:
            self.remove_below(name for output in to_write for name in output.names)
            with staging.final_names():
                copies = publish(staging, to_write, self.pool, progress)
            self.outcome.add(copies=copies)
        check_names(staging, outputs)
        self.count(readings, made)

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

    def remove_below(self, names: Iterable[str]) -> None:
        """Remove the files of directories that files called *names* replace."""
        for name in names if self.below else ():
            remove_files(self.tree, self.below.get(name, ()))

    def count(self, readings: Iterable[Reading], made: Fingerprints | None) -> None:
        """Count as collectstatic does."""
        outcome = self.outcome
        for reading in readings:
            name = reading.source.path
            (outcome.unmodified if reading.is_unmodified else outcome.modified).append(name)
            if name in self.reusable and not reading.is_unmodified:
                outcome.replaced.append(name)
        if made:
            outcome.post_processed += made.processed
            outcome.skipped += made.skipped
        outcome.add(
            copied=len(outcome.modified),
            unmodified=len(outcome.unmodified),
            fingerprinted=len(made.files) if made else 0,
        )

    def compress(
        self, staging: Staging, outputs: tuple[OutputFile, ...], variants: Variants, cache: Cache
    ) -> set[str]:
        """Make the *variants* of *outputs*; return their names."""
        items, results = compress(outputs, variants, staging, cache, self.options.reuse, self.pool)
        self.remove_below(
            f"{name}.{codec.suffix}"
            for item in items
            for name in item.names
            for codec in variants.codecs
        )
        written: set[str] = set()
        counts: Counter[str] = Counter()
        total = sum(item.size for item in items)
        with self.step("compress", total) as progress, staging.final_names():
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

    def finish(self, made: Fingerprints | None, collected: Set[str], originals: Set[str]) -> None:
        """Replace the manifest if there is one, then remove files of the tree.

        The stale files are those that the tree had and that are not *collected* now. All are
        removed with ``--clear`` or ``--prune``, else only *originals* that are not kept and
        outdated variants, which were removed before.
        """
        options = self.options
        stale = self.before - collected
        if made:
            manifest = self.storage.manifest_storage.path(self.storage.manifest_name)
            stale -= {os.path.relpath(manifest, self.tree.root)}
        removed = stale
        if not (options.clear or options.prune):
            removed = stale & (originals | self.outdated)
        if made:
            gone = frozenset(map(self.tree.path, removed))
            tree = FinishedTree(gone, self.layer.path if self.layer else None)
            save_manifest(self.storage, self.adapter, made.files, tree)
        if options.clear:
            self.outcome.deleted = sorted(self.before)
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


def read_sources(
    sources: Sequence[Source],
    storage: Any,
    tree: Tree,
    pool: WorkerPool,
    progress: Callable[[int], None],
    *,
    fingerprints: bool,
    existing: frozenset[str],
    strong: bool,
) -> tuple[Reading, ...]:
    """Read *sources*, each once; *progress* is called with 1 for each.

    If *storage* *fingerprints*, the content is kept of sources that refer to others; it is always
    kept of those that are not files on this disk. *existing* are the files of the tree that may
    stay. With *strong* the SHA-256 is computed. Raises OSError.
    """
    paths = [source.local_path() for source in sources]
    hashed = fingerprints or strong
    by_suffix: dict[str, tuple[Needle, ...] | None] = {}
    items = []
    for source, path in zip(sources, paths, strict=True):
        target = tree.path(source.path) if source.path in existing else ""
        wanted: tuple[Needle, ...] | None = ()
        is_text = fingerprints and is_adjustable(storage, source.path)
        if is_text:
            suffix = posixpath.splitext(source.name)[1] or source.name
            if suffix not in by_suffix:
                by_suffix[suffix] = needles(storage, source.name)
            wanted = by_suffix[suffix]
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
    return SAME if Path(target).read_bytes() == content else OTHER


def originals_of(readings: Iterable[Reading], storage: Any) -> tuple[Original, ...]:
    """Return *readings* as `fingerprint_files` takes them."""
    originals = []
    for reading in readings:
        name = reading.source.path
        content = reading.content if reading.path or is_adjustable(storage, name) else None
        originals.append(
            Original(name, reading.source.name, reading.digest, reading.identity, content)
        )
    return tuple(originals)


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
            outputs.append(
                OutputFile(
                    names,
                    reading.digest,
                    reading.identity,
                    reading.size,
                    reading.path,
                    reading.modified,
                    None if reading.path else reading.content,
                )
            )
        if item is not None and item.content is not None:
            size = len(item.content)
            outputs.append(
                OutputFile((item.name,), item.digest, item.identity, size, content=item.content)
            )
    return tuple(outputs)
