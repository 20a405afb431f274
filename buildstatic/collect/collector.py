"""The collector: does the work of the loop in the installed collectstatic."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from buildstatic.collect.cache import find_cache
from buildstatic.collect.compress import Compressed, Variants, compress, contents_to_compress
from buildstatic.collect.file_index import MIN_FILES, FileIndex
from buildstatic.collect.fingerprint import Kept
from buildstatic.collect.layer_root import LayerRoot, empty
from buildstatic.collect.outputs import (
    LikelyOutputs,
    Outputs,
    fingerprinted_outputs,
    outputs_in_memory,
    plain_outputs,
)
from buildstatic.collect.planning import Plan
from buildstatic.collect.publish import (
    EarlyWriting,
    Staging,
    begin_writing,
    prepare_staging,
    publish,
)
from buildstatic.collect.reading import Reading, read_sources
from buildstatic.collect.request import Callbacks, CollectOptions, Summary
from buildstatic.collect.spool import Spool, open_spool
from buildstatic.collect.steps import Steps
from buildstatic.collect.storages.adapter import Adapter, FinishedTree
from buildstatic.collect.storages.manifest import write_manifest
from buildstatic.collect.tree import LockedTree, locked_tree, remove_files
from buildstatic.collect.workers.pool import WorkerPool, worker_pool

if TYPE_CHECKING:
    from buildstatic.collect.outputs import RunOwnCode


@dataclass(frozen=True)
class Outcome:
    """What was collected, as collectstatic counts it: names of sources and what they became.

    *replaced* are the modified ones that were in the tree; *skipped* those whose fingerprinted
    file already existed; *deleted* are the files that ``--clear`` removed.
    """

    modified: list[str]
    unmodified: list[str]
    post_processed: list[tuple[str, str]]
    replaced: list[str]
    skipped: list[str]
    deleted: list[str]
    summary: Summary


@dataclass(frozen=True)
class Collection:
    """What to collect: *plan* into *storage*, which is moved to *layer* if there is one.

    *adapter* is what is known of the storage, *variants* those to make. With *run_own_code*, the
    storage's own code makes the files from the sources, in memory.
    """

    storage: Any
    adapter: Adapter
    plan: Plan
    options: CollectOptions
    variants: Variants | None
    layer: LayerRoot | None
    run_own_code: RunOwnCode | None = None

    @property
    def is_strong(self) -> bool:
        """Whether the SHA-256 of each content is needed."""
        return self.options.hardlinks or bool(self.layer) or self.variants is not None

    @property
    def fingerprints(self) -> bool:
        """Whether the collector gives the files fingerprinted names."""
        return self.adapter.fingerprints and self.options.post_process

    @property
    def rewrites(self) -> bool:
        """Whether references in the files are rewritten, by the collector or by own code."""
        patterns = self.run_own_code is not None and hasattr(self.storage, "_patterns")
        return self.fingerprints or (patterns and self.options.post_process)

    @property
    def writes_early(self) -> bool:
        """Whether files may be written while others are rewritten."""
        removes = self.adapter.removes_originals
        loses_names = removes is not None and removes(self.storage)
        return self.rewrites and not (self.layer or self.options.hardlinks or loses_names)

    @property
    def kept(self) -> Kept:
        """What remains of earlier runs."""
        if self.layer:
            return Kept.NOTHING
        options = self.options
        return Kept.DIRECTORIES if options.clear or options.prune else Kept.FILES


def run_collector(work: Collection, callbacks: Callbacks) -> Outcome:
    """Read, fingerprint, publish, compress; the manifest last.

    Raises `UnresolvedReferences`, `CircularReferences` (see `fingerprint`), OSError,
    `CollectFailed`, and what the storage's own code does.
    """
    options, layer = work.options, work.layer
    steps = Steps(callbacks)
    with _without_gc(), _open_workspace(work) as space:
        tree, existing = space.tree, space.existing
        readings, early = _read(work, space, steps)
        made = _outputs(work, space, readings, steps, callbacks)
        if layer:
            empty(layer)
        with steps.step("publish", len(made.files)) as progress:
            staging = publish(
                tree,
                made.files,
                made.current,
                space.pool,
                progress,
                early=early,
                links=bool(layer) or options.hardlinks,
                reproducible=bool(layer),
                replaces=options.clear or options.prune,
                has_variants=work.variants is not None or options.compress is not None,
            )
        compressed = Compressed()
        if work.variants and options.post_process:
            compressed = _compress(work, work.variants, made, staging, space.pool, steps)
        removed, stale = _finish(work, made, compressed, tree, staging)
    summary = Summary(
        files=len(readings),
        bytes=sum(reading.file.size for reading in readings),
        copied=sum(not reading.is_unmodified for reading in readings),
        unmodified=sum(reading.is_unmodified for reading in readings),
        fingerprinted=made.fingerprinted,
        stale=stale,
        removed=removed,
        copies=staging.copies,
        seconds=steps.seconds,
        **compressed.counts,
    )
    modified = [reading.source.path for reading in readings if not reading.is_unmodified]
    return Outcome(
        modified=modified,
        unmodified=[reading.source.path for reading in readings if reading.is_unmodified],
        post_processed=[*made.processed, *compressed.variants],
        replaced=[name for name in modified if name in existing],
        skipped=list(made.skipped),
        deleted=sorted(tree.files) if options.clear else [],
        summary=summary,
    )


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
class _Workspace:
    """What the steps share. *index* is that of *tree*, whose files *existing* may stay."""

    tree: LockedTree
    existing: frozenset[str]
    index: FileIndex | None
    pool: WorkerPool
    spool: Spool


@contextmanager
def _open_workspace(work: Collection) -> Iterator[_Workspace]:
    """Lock the tree of *work* for the block; if that succeeds, save the index."""
    with (
        locked_tree(work.storage, starts_empty=work.layer is not None) as tree,
        open_spool(tree.root) as spool,
        worker_pool(lock=tree.lock, spool=spool.descriptor) as pool,
    ):
        existing = frozenset() if work.options.clear else tree.files
        index = None
        if len(existing) >= MIN_FILES:
            index = FileIndex.load(find_cache(work.options.cache), tree.root)
        yield _Workspace(tree, existing, index, pool, spool)
        if index:
            index.save()


def _read(
    work: Collection, space: _Workspace, steps: Steps
) -> tuple[tuple[Reading, ...], EarlyWriting | None]:
    """Read the sources; return what was read, and what is written already if anything is."""
    sources, pool = work.plan.wins, space.pool
    readings = []
    with steps.step("read", len(sources)) as progress:
        results = read_sources(
            sources,
            work.storage,
            space.tree.root,
            pool,
            space.spool,
            rewrites=work.rewrites,
            existing=space.existing,
            strong=work.is_strong,
            hashed=work.run_own_code is not None,
            index=space.index,
        )
        # The workers read meanwhile.
        names = [source.path for source in sources]
        staging = prepare_staging(space.tree, names) if work.writes_early else None
        likely = LikelyOutputs(work.storage, names) if staging else None
        for reading in results:
            readings.append(reading)
            progress(1)
            if likely:
                likely.add(reading)
    early = begin_writing(staging, likely.files, pool) if staging and likely else None
    return tuple(readings), early


def _outputs(
    work: Collection,
    space: _Workspace,
    readings: Sequence[Reading],
    steps: Steps,
    callbacks: Callbacks,
) -> Outputs:
    """Return what *readings* become."""
    if not work.fingerprints and work.run_own_code is None:
        return plain_outputs(readings)
    storage, adapter = work.storage, work.adapter
    with steps.step("fingerprint", len(readings)):
        if work.run_own_code:
            return outputs_in_memory(
                readings,
                storage,
                adapter,
                space.tree,
                space.pool,
                space.spool,
                work.run_own_code,
                existing=space.existing,
                kept=work.kept,
                strong=work.is_strong,
            )
        warn = callbacks.warn if work.options.missing_maps == "warn" else None
        return fingerprinted_outputs(
            readings,
            storage,
            adapter,
            space.tree,
            space.pool,
            space.spool,
            existing=space.existing,
            kept=work.kept,
            warn=warn,
            index=space.index,
        )


def _compress(
    work: Collection,
    variants: Variants,
    made: Outputs,
    staging: Staging,
    pool: WorkerPool,
    steps: Steps,
) -> Compressed:
    """Make the *variants* of what was *made*."""
    names = made.compressed
    if names is not None and not work.options.compress:
        variants = replace(variants, fits=lambda name: name in names)
    items = contents_to_compress(made.files, variants, staging)
    with steps.step("compress", sum(item.size for item in items)) as progress:
        return compress(items, variants, staging, pool, progress)


def _finish(
    work: Collection, made: Outputs, compressed: Compressed, tree: LockedTree, staging: Staging
) -> tuple[int, int]:
    """Move the files to their paths, replace the manifest if there is one, remove files of *tree*.

    The stale files are those that the tree had and that are not collected now. All are removed
    with ``--clear`` or ``--prune``, else only those that the storage removes, and outdated
    variants, which were removed before. Returns how many were removed, and how many remain.
    """
    staging.commit()
    stale = tree.files - staging.directories
    stale = stale.difference(*(output.names for output in made.files))
    stale = stale.difference(name for _, name in compressed.variants)
    if made.manifest is not None:
        manifest = work.storage.manifest_storage.path(work.storage.manifest_name)
        stale -= {os.path.relpath(manifest, tree.root)}
    removed = stale
    if not (work.options.clear or work.options.prune):
        removed = stale & (made.removed | staging.outdated)
    if made.manifest is not None:
        finished = FinishedTree(
            frozenset(map(tree.path, removed)), work.layer.path if work.layer else None
        )
        write_manifest(work.storage, work.adapter, made.manifest, finished)
    remove_files(tree, removed)
    return len(removed), len(stale - removed)
