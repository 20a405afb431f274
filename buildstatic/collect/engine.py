"""The engine: what stands in the place of the loop in the installed collectstatic."""

from __future__ import annotations

import gc
import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from buildstatic.collect.apart import check_apart
from buildstatic.collect.compress import Task, compress, job_of
from buildstatic.collect.fingerprint import Fingerprinted, Original
from buildstatic.collect.manifest import manifest_in, save_manifest
from buildstatic.collect.outcome import Outcome
from buildstatic.collect.outputs import (
    Output,
    Reading,
    below,
    outdated,
    outputs_of,
    parents,
    pending,
    without_content,
)
from buildstatic.collect.planning import Plan
from buildstatic.collect.publish import publish, time_of
from buildstatic.collect.reading import read_sources
from buildstatic.collect.root import empty
from buildstatic.collect.stage import Stage, staged
from buildstatic.collect.storage_overlay import Left
from buildstatic.collect.storages.kind import (
    Ending,
    Fingerprinting,
    Fingerprints,
    Originals,
    Present,
)
from buildstatic.collect.storages.recognize import Kind
from buildstatic.collect.telling import StepProgress, Tell
from buildstatic.collect.tree import Tree, locked, names_in, remove, tree_of
from buildstatic.collect.variants import Variants
from buildstatic.collect.wishes import Wishes
from buildstatic.collect.workers.pool import Workers, workers

Progress = Callable[[int], None]


def run(storage: Any, kind: Kind, plan: Plan, wishes: Wishes, tell: Tell) -> Outcome:
    """Collect what is in *plan* into *storage*, which is of a known *kind*.

    Raises `Unresolved`, `Unsettled` (see `fingerprint`) and OSError.
    """
    tree = tree_of(storage)
    with locked(tree) as lock:
        present = frozenset() if wishes.layer else names_in(tree)
        # What is staged goes when no worker writes there any more.
        with ExitStack() as end, workers(wishes.threads, lock) as crew, _no_garbage():
            return _Run(storage, kind, plan, wishes, tell, tree, present, crew, end).run()


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Let nobody look for garbage: there is none, among the project's million of objects."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@dataclass
class _Run:
    """One collection: its steps, each of which takes what the ones before have made.

    *present* are the files that the tree has before, and that may stay; *stack* is what
    ends after the workers.
    """

    storage: Any
    kind: Kind
    plan: Plan
    wishes: Wishes
    tell: Tell
    tree: Tree
    present: frozenset[str]
    crew: Workers
    stack: ExitStack
    stage: Stage = field(init=False)
    outcome: Outcome = field(default_factory=Outcome)
    below: Mapping[str, list[str]] = field(default_factory=dict)
    outdated: frozenset[str] = frozenset()

    def run(self) -> Outcome:
        """Read, fingerprint, publish, compress; the manifest last."""
        way = self.kind.fingerprinting if self.wishes.post_process else None
        originals = way.originals(self.storage) if way else Originals.KEPT
        there = frozenset() if self.wishes.clear else self.present
        readings = self.read(there, way)
        made = self.fingerprint(readings, there, way) if way else None
        readings = tuple(map(without_content, readings))
        found = made.files if made else {}
        outputs = outputs_of(readings, found, originals=originals is Originals.KEPT)
        if self.wishes.layer:
            empty(self.wishes.layer)
        self.stage = self.stack.enter_context(staged(self.tree))
        if self.wishes.clear or self.wishes.prune:
            remove(self.tree, self.present & parents(outputs))
            self.below = below(self.present)
        self.publish(outputs, readings, found, there)
        self.account(readings, made, there)
        names = {name for output in outputs for name in output.names} | parents(outputs)
        if self.wishes.variants and self.wishes.post_process:
            names |= self.compress(outputs, self.wishes.variants)
        own = {r.source.path for r in readings} if originals is Originals.REMOVED else set()
        self.stage.commit()
        self.end(made, self.present - names, own)
        return self.outcome

    @property
    def left(self) -> Left:
        """What of the tree stays beside what is collected."""
        if self.wishes.layer:
            return Left.NOTHING
        is_replaced = self.wishes.clear or self.wishes.prune
        return Left.DIRECTORIES if is_replaced else Left.FILES

    def read(self, there: frozenset[str], way: Fingerprinting | None) -> tuple[Reading, ...]:
        how = self.wishes.how
        with self.step("read", len(self.plan.wins)) as progress:
            readings = read_sources(
                self.plan.wins,
                self.storage,
                self.tree,
                self.crew,
                progress,
                way=way,
                present=there,
                strong=how.links or how.settled or self.wishes.variants is not None,
            )
        self.outcome.add(files=len(readings), bytes=sum(reading.size for reading in readings))
        return readings

    def fingerprint(
        self, readings: Iterable[Reading], there: frozenset[str], way: Fingerprinting
    ) -> Fingerprints:
        originals = tuple(self.original(reading, way) for reading in readings)
        present = Present(there, self.left)
        missing_maps = self.tell.warn if self.wishes.missing_maps == "warn" else None
        with self.step("fingerprint", len(originals)):
            return way.run(self.storage, originals, present, missing_maps)

    def original(self, reading: Reading, way: Fingerprinting) -> Original:
        name = reading.source.path
        refers = reading.path or way.is_text(self.storage, name)
        content = reading.content if refers else None
        return Original(name, reading.source.name, reading.digest, reading.identity, content)

    def publish(
        self,
        outputs: tuple[Output, ...],
        readings: tuple[Reading, ...],
        found: Mapping[str, Fingerprinted],
        there: frozenset[str],
    ) -> None:
        kept = {reading.source.path for reading in readings if reading.is_unmodified}
        pairs = ((found.get(reading.source.path), reading) for reading in readings)
        kept |= {item.name for item, reading in pairs if item and self.holds(item, reading, there)}
        wanted = pending(outputs, kept)
        if self.wishes.decides:
            # Before anything is written: a run that is killed may leave none, but no wrong ones.
            self.outdated = outdated(wanted, outputs, self.present)
            remove(self.tree, self.outdated)
        with self.step("publish", len(wanted)) as progress:
            self.outcome.add(copies=self.write(wanted, progress))
        check_apart(self.stage, outputs)

    def holds(self, item: Fingerprinted, reading: Reading, there: frozenset[str]) -> bool:
        """Tell whether the tree has *item*, which is *reading*, as it is to be.

        A killed run may have left less of it; what was rewritten, Django writes again each time.
        """
        if item.yields or item.name not in there:
            return False
        path = self.tree.path(item.name)
        size = reading.size if item.content is None else len(item.content)
        state = os.lstat(path)
        if not stat.S_ISREG(state.st_mode) or state.st_size != size:
            return False
        return item.content is None or Path(path).read_bytes() == item.content

    def account(
        self, originals: Iterable[Reading], made: Fingerprints | None, there: frozenset[str]
    ) -> None:
        """Count as collectstatic does, *there* being what the tree had."""
        outcome = self.outcome
        for reading in originals:
            name = reading.source.path
            (outcome.unmodified if reading.is_unmodified else outcome.modified).append(name)
            if name in there and not reading.is_unmodified:
                outcome.replaced.append(name)
        if made:
            outcome.post_processed += made.processed
            outcome.skipped += made.skipped
        self.outcome.add(
            copied=len(outcome.modified),
            unmodified=len(outcome.unmodified),
            fingerprinted=len(made.files) if made else 0,
        )

    def write(self, outputs: list[Output], progress: Progress) -> int:
        for output in outputs if self.below else ():
            for name in output.names:
                remove(self.tree, self.below.get(name, ()))
        with self.stage.named():
            return publish(self.stage, outputs, self.wishes.how, self.crew, progress)

    def compress(self, outputs: tuple[Output, ...], variants: Variants) -> set[str]:
        """Make the variants of *outputs*; return their names."""
        tasks = list(self.tasks(outputs, variants))
        for task in tasks if self.below else ():
            for name in _beside(task, variants):
                remove(self.tree, self.below.get(name, ()))
        job = job_of(variants, self.wishes, self.stage)
        made: set[str] = set()
        counts: Counter[str] = Counter()
        with self.step("compress", sum(t.size for t in tasks)) as progress, self.stage.named():
            for task, pressed in compress(tasks, job, self.crew):
                for variant in pressed:
                    pairs = [(name, f"{name}.{variant.suffix}") for name in task.names]
                    self.outcome.post_processed += pairs
                    made.update(name for _, name in pairs)
                    counts.update(variants=1, variant_bytes=variant.size)
                    counts.update(hits=int(variant.hit), reused=int(variant.reused))
                progress(task.size)
        self.outcome.add(**counts)
        return made

    def tasks(self, outputs: tuple[Output, ...], variants: Variants) -> Iterator[Task]:
        """Yield what there is to compress: each content once."""
        names: dict[str, list[str]] = {}
        sizes = {output.identity: output.size for output in outputs}
        for output in outputs:
            if fit := [name for name in output.names if variants.fits(name)]:
                names.setdefault(output.identity, []).extend(fit)
        for identity, own in names.items():
            path = self.stage.tree.path(own[0])
            seconds = time_of(identity, self.wishes.how)
            yield Task(identity, sizes[identity], path, tuple(own), seconds)

    def end(
        self,
        made: Fingerprints | None,
        stale: frozenset[str],
        originals: Set[str],
    ) -> None:
        """Replace the manifest of what was *made*, then remove what is not to stay.

        Of what was there before, that is what is *stale* if it is asked for, and *originals*; what
        was outdated has gone already.
        """
        if made:
            stale -= {manifest_in(self.storage, self.tree)}
        all_of_it = self.wishes.clear or self.wishes.prune
        gone = stale if all_of_it else stale & (originals | self.outdated)
        if made:
            layer = self.wishes.layer
            ending = Ending(frozenset(map(self.tree.path, gone)), layer.root if layer else None)
            save_manifest(self.storage, made.files, partial(self.kind.complete, ending=ending))
        if self.wishes.clear:
            self.outcome.deleted = sorted(self.present)
        remove(self.tree, gone)
        self.outcome.add(removed=len(gone), stale=len(stale - gone))

    @contextmanager
    def step(self, name: str, total: int) -> Iterator[StepProgress]:
        """Time a step, and tell of it."""
        started = time.monotonic()
        progress = StepProgress(self.tell, name, total)
        progress(0)
        yield progress
        seconds = round(time.monotonic() - started, 3)
        self.outcome.add(seconds={**self.outcome.summary.seconds, name: seconds})


def _beside(task: Task, variants: Variants) -> Iterator[str]:
    """Yield the names that variants of *task* may get."""
    for codec in variants.codecs:
        yield from (f"{name}.{codec.suffix}" for name in task.names)
