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
from typing import TYPE_CHECKING, Any

from buildstatic.collect.cache import Cache, default_directory
from buildstatic.collect.compress import Variants, compress
from buildstatic.collect.fingerprint import (
    Fingerprinted,
    Fingerprints,
    Kept,
    Original,
    fingerprint_files,
    make_manifest,
    write_manifest,
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

if TYPE_CHECKING:
    from buildstatic.collect.storages.memory import MemoryTree


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
    run_own_code: RunOwnCode | None = None,
) -> Outcome:
    """Collect *plan* into *storage*, which is moved to *layer* if there is one.

    Read, fingerprint, publish, compress; the manifest last. With *run_own_code*, the storage's own
    code makes the files from those that were read, in memory.

    Raises `UnresolvedReferences`, `CircularReferences` (see `fingerprint`), OSError,
    `CollectFailed`, and what *run_own_code* does.
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
            if run_own_code:
                made = work.make_in_memory(work.read(hashed=True), run_own_code)
            else:
                made = work.make(work.read(hashed=False))
            if layer:
                empty(layer)
            in_layer = layer is not None
            staging = stack.enter_context(
                staging_directory(tree, links=in_layer or options.hardlinks, reproducible=in_layer)
            )
            work.publish(staging, made)
            collected = {name for output in made.outputs for name in output.names}
            if variants and options.post_process:
                collected |= work.compress(staging, made, variants, cache)
            staging.commit()
            work.finish(made, collected | parent_directories(made.outputs))
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


# Called with the tree, and what was read of each source storage: by the identity of the storage and
# the name in it, the content and whether the file on disk is up to date.
Sources = Mapping[int, Mapping[str, tuple[OutputFile, bool]]]
RunOwnCode = Callable[["MemoryTree", Sources], None]


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

    def read(self, *, hashed: bool) -> tuple[Reading, ...]:
        options = self.options
        with self.step("read", len(self.plan.wins)) as progress:
            readings = read_sources(
                self.plan.wins,
                self.storage,
                self.tree,
                self.pool,
                progress,
                fingerprints=self.adapter.fingerprints and options.post_process and not hashed,
                existing=self.reusable,
                strong=self.is_strong,
                hashed=hashed,
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
        keeps_originals = made is None or self.adapter.keeps_originals(self.storage)
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
            make_manifest(self.storage, files) if made else None,
        )

    def make_in_memory(self, readings: tuple[Reading, ...], run: RunOwnCode) -> _Made:
        """Return what the storage's own code makes of *readings*."""
        from buildstatic.collect.storages.memory import MemoryTree

        kept = self.kept
        memory = MemoryTree(
            self.storage,
            self.reusable if kept is Kept.FILES else frozenset(),
            shows_directories=kept is not Kept.NOTHING and any(Path(self.tree.root).iterdir()),
            strong=self.is_strong,
        )
        sources = in_memory_sources(readings, memory)
        with self.step("fingerprint", len(readings)), memory.shown(self.adapter):
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
            return fingerprint_files(
                self.storage, originals, kept=self.kept, existing=self.reusable, warn=warn
            )

    def publish(self, staging: Staging, made: _Made) -> None:
        """Write the outputs, but for the names that the tree has already with the right content."""
        outputs = made.outputs
        if self.options.clear or self.options.prune:
            remove_files(self.tree, self.before & parent_directories(outputs))
            self.below = names_below(self.before)
        to_write = without_names(outputs, made.current)
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

    def compress(self, staging: Staging, made: _Made, variants: Variants, cache: Cache) -> set[str]:
        """Make the *variants* of the outputs; return their names."""
        outputs = made.outputs
        names = made.compressed
        if names is not None and not self.options.compress:
            variants = replace(variants, fits=lambda name: name in names)
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

    def finish(self, made: _Made, collected: Set[str]) -> None:
        """Replace the manifest if there is one, then remove files of the tree.

        The stale files are those that the tree had and that are not *collected* now. All are
        removed with ``--clear`` or ``--prune``, else only those that the storage removes, and
        outdated variants, which were removed before.
        """
        options = self.options
        stale = self.before - collected
        if made.manifest is not None:
            manifest = self.storage.manifest_storage.path(self.storage.manifest_name)
            stale -= {os.path.relpath(manifest, self.tree.root)}
        removed = stale
        if not (options.clear or options.prune):
            removed = stale & (made.removed | self.outdated)
        if made.manifest is not None:
            gone = frozenset(map(self.tree.path, removed))
            tree = FinishedTree(gone, self.layer.path if self.layer else None)
            write_manifest(self.storage, self.adapter, made.manifest, tree)
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
    hashed: bool = False,
) -> tuple[Reading, ...]:
    """Read *sources*, each once; *progress* is called with 1 for each.

    If *storage* *fingerprints*, the content is kept of sources that refer to others; it is always
    kept of those that are not files on this disk. *existing* are the files of the tree that may
    stay. With *strong* the SHA-256 is computed, with *hashed* the MD5 in any case. Raises OSError.
    """
    paths = [source.local_path() for source in sources]
    hashed = hashed or fingerprints or strong
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


def in_memory_sources(readings: Iterable[Reading], memory: MemoryTree) -> Sources:
    """Return *readings* by storage and name, as *memory* takes them."""
    sources: dict[int, dict[str, tuple[OutputFile, bool]]] = {}
    for reading in readings:
        stored = OutputFile(
            (),
            reading.digest,
            reading.identity,
            reading.size,
            reading.path,
            reading.modified,
            None if reading.path else reading.content,
        )
        memory.by_digest.setdefault((stored.digest, stored.size), stored)
        of_storage = sources.setdefault(id(reading.source.storage), {})
        of_storage[reading.source.name] = stored, reading.is_unmodified
    return sources


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
