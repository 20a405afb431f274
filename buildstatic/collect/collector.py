"""The collector: does the work of the loop in the installed collectstatic."""

from __future__ import annotations

import gc
import os
import stat
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from buildstatic.collect import layer_root
from buildstatic.collect.cache import Cache
from buildstatic.collect.compress import CompressItem, Variants, compress, compress_options
from buildstatic.collect.fingerprint import Fingerprinted, Original
from buildstatic.collect.layer_root import LayerRoot
from buildstatic.collect.manifest import manifest_name, save_manifest
from buildstatic.collect.outputs import (
    Output,
    names_below,
    outdated_variants,
    outputs_of,
    parent_directories,
    without_names,
)
from buildstatic.collect.planning import Plan
from buildstatic.collect.publish import (
    Staging,
    WriteOptions,
    file_time,
    publish,
    staging_directory,
)
from buildstatic.collect.reading import Reading, read_sources
from buildstatic.collect.report import Callbacks, StepProgress, Summary
from buildstatic.collect.storage_overlay import Kept
from buildstatic.collect.storages.adapter import (
    Adapter,
    Existing,
    Fingerprinting,
    Fingerprints,
    FinishedTree,
    Originals,
)
from buildstatic.collect.tree import Tree, list_files, lock_tree, remove_files, tree_of
from buildstatic.collect.workers.pool import WorkerPool, worker_pool
from buildstatic.errors import CollectFailed


@dataclass(frozen=True)
class CollectorOptions:
    """How to collect.

    *post_process* and *clear* are collectstatic's; *prune* removes files of earlier runs;
    *variants* are the variants to make, and with *replaces_variants* older ones beside a file with
    other content are removed; *reuse* is an earlier tree to take variants from; *layer* is the
    layer root that the tree is in; *processes* limits the worker processes.
    """

    post_process: bool = True
    clear: bool = False
    prune: bool = False
    write: WriteOptions = field(default_factory=WriteOptions)
    variants: Variants | None = None
    replaces_variants: bool = False
    cache: Cache | None = None
    reuse: Path | None = None
    layer: LayerRoot | None = None
    missing_maps: Literal["fail", "warn"] = "fail"
    processes: int = 1


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
    storage: Any, adapter: Adapter, plan: Plan, options: CollectorOptions, callbacks: Callbacks
) -> Outcome:
    """Collect *plan* into *storage*.

    Raises `UnresolvedReferences`, `CircularReferences` (see `fingerprint`) and OSError.
    """
    tree = tree_of(storage)
    with lock_tree(tree) as lock:
        present = frozenset() if options.layer else list_files(tree)
        # The staging directory is removed after the workers, which write there.
        with ExitStack() as stack, worker_pool(options.processes, lock) as pool, _without_gc():
            collector = _Collector(
                storage, adapter, plan, options, callbacks, tree, present, pool, stack
            )
            return collector.run()


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


def read_originals(
    readings: Iterable[Reading], storage: Any, fingerprinting: Fingerprinting
) -> tuple[Original, ...]:
    """Return *readings* as *fingerprinting* takes them."""
    originals = []
    for reading in readings:
        name = reading.source.path
        has_text = reading.path or fingerprinting.is_text(storage, name)
        content = reading.content if has_text else None
        originals.append(
            Original(name, reading.source.name, reading.digest, reading.identity, content)
        )
    return tuple(originals)


@dataclass
class _Collector:
    """One collection.

    *present* are the files in the tree before the run; *stack* is closed after the workers.
    *below* maps each existing directory to its files, removed if a file replaces it;
    *outdated* are existing variants of files whose content changes.
    """

    storage: Any
    adapter: Adapter
    plan: Plan
    options: CollectorOptions
    callbacks: Callbacks
    tree: Tree
    present: frozenset[str]
    pool: WorkerPool
    stack: ExitStack
    staging: Staging = field(init=False)
    outcome: Outcome = field(default_factory=Outcome)
    below: Mapping[str, list[str]] = field(default_factory=dict)
    outdated: frozenset[str] = frozenset()

    def run(self) -> Outcome:
        """Read, fingerprint, publish, compress; the manifest last."""
        options = self.options
        fingerprinting = self.adapter.fingerprinting if options.post_process else None
        originals = fingerprinting.originals(self.storage) if fingerprinting else Originals.KEPT
        existing = frozenset() if options.clear else self.present
        readings = self.read(existing, fingerprinting)
        made = self.fingerprint(readings, existing, fingerprinting) if fingerprinting else None
        # A content that can be read again would only take memory.
        readings = tuple(replace(r, content=None) if r.path and r.content else r for r in readings)
        files = made.files if made else {}
        outputs = outputs_of(readings, files, originals=originals is Originals.KEPT)
        if options.layer:
            layer_root.empty(options.layer)
        self.staging = self.stack.enter_context(staging_directory(self.tree))
        if options.clear or options.prune:
            remove_files(self.tree, self.present & parent_directories(outputs))
            self.below = names_below(self.present)
        self.publish(outputs, readings, files, existing)
        self.count(readings, made, existing)
        names = {name for output in outputs for name in output.names} | parent_directories(outputs)
        if options.variants and options.post_process:
            names |= self.compress(outputs, options.variants)
        removed = {r.source.path for r in readings} if originals is Originals.REMOVED else set()
        self.staging.commit()
        self.finish(made, self.present - names, removed)
        return self.outcome

    def read(
        self, existing: frozenset[str], fingerprinting: Fingerprinting | None
    ) -> tuple[Reading, ...]:
        write = self.options.write
        with self.step("read", len(self.plan.wins)) as progress:
            readings = read_sources(
                self.plan.wins,
                self.storage,
                self.tree,
                self.pool,
                progress,
                fingerprinting=fingerprinting,
                existing=existing,
                strong=write.links or write.reproducible or self.options.variants is not None,
            )
        self.outcome.add(files=len(readings), bytes=sum(reading.size for reading in readings))
        return readings

    def fingerprint(
        self,
        readings: Iterable[Reading],
        existing: frozenset[str],
        fingerprinting: Fingerprinting,
    ) -> Fingerprints:
        options = self.options
        originals = read_originals(readings, self.storage, fingerprinting)
        if options.layer:
            kept = Kept.NOTHING
        else:
            kept = Kept.DIRECTORIES if options.clear or options.prune else Kept.FILES
        warn = self.callbacks.warn if options.missing_maps == "warn" else None
        with self.step("fingerprint", len(originals)):
            return fingerprinting.run(self.storage, originals, Existing(existing, kept), warn)

    def publish(
        self,
        outputs: tuple[Output, ...],
        readings: tuple[Reading, ...],
        files: Mapping[str, Fingerprinted],
        existing: frozenset[str],
    ) -> None:
        current = {reading.source.path for reading in readings if reading.is_unmodified}
        for reading in readings:
            item = files.get(reading.source.path)
            if item and self.is_current(item, reading, existing):
                current.add(item.name)
        to_write = without_names(outputs, current)
        if self.options.replaces_variants:
            # Before anything is written: a run that is killed may leave none, but no wrong ones.
            self.outdated = outdated_variants(to_write, outputs, self.present)
            remove_files(self.tree, self.outdated)
        with self.step("publish", len(to_write)) as progress:
            for output in to_write if self.below else ():
                for name in output.names:
                    remove_files(self.tree, self.below.get(name, ()))
            with self.staging.final_names():
                copies = publish(self.staging, to_write, self.options.write, self.pool, progress)
            self.outcome.add(copies=copies)
        _check_names(self.staging, outputs)

    def is_current(self, item: Fingerprinted, reading: Reading, existing: frozenset[str]) -> bool:
        """Tell whether the tree has *item*, made of *reading*, with the right content.

        A killed run may have left part of it; what was rewritten, Django writes each time.
        """
        if item.is_taken or item.name not in existing:
            return False
        path = self.tree.path(item.name)
        size = reading.size if item.content is None else len(item.content)
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            return False
        return item.content is None or Path(path).read_bytes() == item.content

    def count(
        self, readings: Iterable[Reading], made: Fingerprints | None, existing: frozenset[str]
    ) -> None:
        """Count as collectstatic does; *existing* are the files that the tree had."""
        outcome = self.outcome
        for reading in readings:
            name = reading.source.path
            (outcome.unmodified if reading.is_unmodified else outcome.modified).append(name)
            if name in existing and not reading.is_unmodified:
                outcome.replaced.append(name)
        if made:
            outcome.post_processed += made.processed
            outcome.skipped += made.skipped
        outcome.add(
            copied=len(outcome.modified),
            unmodified=len(outcome.unmodified),
            fingerprinted=len(made.files) if made else 0,
        )

    def compress(self, outputs: tuple[Output, ...], variants: Variants) -> set[str]:
        """Make the variants of *outputs*; return their names."""
        names: dict[str, list[str]] = {}  # by content, so that each is compressed once
        sizes = {output.identity: output.size for output in outputs}
        for output in outputs:
            if fitting := [name for name in output.names if variants.fits(name)]:
                names.setdefault(output.identity, []).extend(fitting)
        items = [
            CompressItem(
                identity,
                sizes[identity],
                self.staging.tree.path(own[0]),
                tuple(own),
                file_time(identity, self.options.write),
            )
            for identity, own in names.items()
        ]
        for item in items if self.below else ():
            for codec in variants.codecs:
                for name in item.names:
                    remove_files(self.tree, self.below.get(f"{name}.{codec.suffix}", ()))
        common = compress_options(
            variants,
            self.staging,
            self.options.write,
            cache=self.options.cache,
            reuse=self.options.reuse,
        )
        made: set[str] = set()
        counts: Counter[str] = Counter()
        total = sum(item.size for item in items)
        with self.step("compress", total) as progress, self.staging.final_names():
            for item, compressed in compress(items, common, self.pool):
                for variant in compressed:
                    pairs = [(name, f"{name}.{variant.suffix}") for name in item.names]
                    self.outcome.post_processed += pairs
                    made.update(name for _, name in pairs)
                    counts.update(variants=1, variant_bytes=variant.size)
                    counts.update(hits=int(variant.hit), reused=int(variant.reused))
                progress(item.size)
        self.outcome.add(**counts)
        return made

    def finish(self, made: Fingerprints | None, stale: frozenset[str], originals: Set[str]) -> None:
        """Replace the manifest if there is one, then remove files of the tree.

        These are *stale* ones with ``--clear`` or ``--prune``, and *originals* that are not kept;
        outdated variants were removed before.
        """
        options = self.options
        if made:
            stale -= {manifest_name(self.storage, self.tree)}
        removes_all = options.clear or options.prune
        gone = stale if removes_all else stale & (originals | self.outdated)
        if made:
            tree = FinishedTree(
                frozenset(map(self.tree.path, gone)), options.layer.path if options.layer else None
            )
            save_manifest(self.storage, self.adapter, made.files, tree)
        if options.clear:
            self.outcome.deleted = sorted(self.present)
        remove_files(self.tree, gone)
        self.outcome.add(removed=len(gone), stale=len(stale - gone))

    @contextmanager
    def step(self, name: str, total: int) -> Iterator[StepProgress]:
        """Measure a step, and report its progress."""
        started = time.monotonic()
        progress = StepProgress(self.callbacks, name, total)
        progress(0)
        yield progress
        seconds = round(time.monotonic() - started, 3)
        self.outcome.add(seconds={**self.outcome.summary.seconds, name: seconds})


def _check_names(staging: Staging, outputs: Sequence[Output]) -> None:
    """Raise `CollectFailed` if one of *outputs* replaced another in *staging*.

    That happens on a file system that ignores case or the Unicode form of names. Django does not
    notice it: the file that is written last is there under both names.
    """
    known: dict[str, tuple[str, Output]] = {}
    for output in outputs:
        for name in output.names:
            composed = name if name.isascii() else unicodedata.normalize("NFC", name)
            other, first = known.setdefault(composed.casefold(), (name, output))
            if other == name or first is output or not _is_same_file(staging.tree, other, name):
                continue
            if _differ(first, output):
                problem = (
                    f"{other} and {name} have different content, but are the same file in "
                    f"{staging.root}: their names differ only in case."
                )
                advice = "Rename one of them, or exclude it with --ignore PATTERN."
                raise CollectFailed(problem, advice)


def _is_same_file(tree: Tree, one: str, other: str) -> bool:
    try:
        return Path(tree.path(one)).samefile(tree.path(other))
    except OSError:
        return False


def _differ(one: Output, other: Output) -> bool:
    if one.digest and other.digest:
        return one.digest != other.digest
    contents = [
        Path(output.path).read_bytes() if output.content is None else output.content
        for output in (one, other)
    ]
    return contents[0] != contents[1]
