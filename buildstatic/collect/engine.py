"""The engine: what stands in the place of the loop in the installed collectstatic."""

from __future__ import annotations

import gc
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from buildstatic.collect.apart import check_apart
from buildstatic.collect.cache import Cache
from buildstatic.collect.compress import Task, Variant, compress
from buildstatic.collect.fingerprint import Fingerprinted, Original, fingerprint
from buildstatic.collect.manifest import save_manifest
from buildstatic.collect.outputs import Output, Reading, below, outputs_of, parents, pending
from buildstatic.collect.plan import Plan
from buildstatic.collect.publish import How, publish
from buildstatic.collect.reading import read_sources
from buildstatic.collect.recognize import Kind
from buildstatic.collect.references import is_adjustable
from buildstatic.collect.stage import Stage, staged
from buildstatic.collect.telling import Summary, Tell
from buildstatic.collect.tree import Tree, locked, names_in, remove, tree_of
from buildstatic.collect.variants import Variants
from buildstatic.collect.workers import Workers, workers

# Variants that are written at one time, in bytes.
PORTION = 8 << 20
Progress = Callable[[int], None]


def _told_to_nobody(_more: int) -> None:
    """Take in progress that is told of elsewhere."""


@dataclass(frozen=True)
class Wishes:
    """What is asked of the engine.

    *post_process* and *clear* are collectstatic's; *prune* removes what earlier runs have left;
    *variants* is None for none; *reuse* an earlier tree; *threads* is how many threads and
    processes there may be.
    """

    post_process: bool = True
    clear: bool = False
    prune: bool = False
    how: How = field(default_factory=How)
    variants: Variants | None = None
    cache: Cache | None = None
    reuse: Path | None = None
    missing_maps: Literal["fail", "warn"] = "fail"
    threads: int = 1


@dataclass
class Outcome:
    """What a collection did so far: names of sources, and of what was made of them.

    *replaced* are the modified ones that the tree had; *skipped* those that it had the
    fingerprinted file of; *deleted* is all that ``--clear`` was to remove.
    """

    modified: list[str] = field(default_factory=list)
    unmodified: list[str] = field(default_factory=list)
    post_processed: list[tuple[str, str]] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    summary: Summary = field(default_factory=Summary)

    def add(self, **counts: Any) -> None:
        """Put *counts* into the summary."""
        self.summary = replace(self.summary, **counts)


def run(storage: Any, kind: Kind, plan: Plan, wishes: Wishes, tell: Tell) -> Outcome:
    """Collect what is in *plan* into *storage*, which is of a known *kind*.

    Raises `Unresolved`, `Unsettled` (see `fingerprint`) and OSError.
    """
    tree = tree_of(storage)
    with locked(tree) as lock:
        present = names_in(tree)
        with staged(tree) as stage, workers(wishes.threads, lock) as crew, _no_garbage():
            return _Run(storage, kind, plan, wishes, tell, tree, present, stage, crew).run()


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

    *present* are the files that the tree has before.
    """

    storage: Any
    kind: Kind
    plan: Plan
    wishes: Wishes
    tell: Tell
    tree: Tree
    present: frozenset[str]
    stage: Stage
    crew: Workers
    outcome: Outcome = field(default_factory=Outcome)
    below: Mapping[str, list[str]] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Read, fingerprint, publish, compress; the manifest last."""
        fingerprints = self.kind.fingerprints and self.wishes.post_process
        keeps = not (fingerprints and getattr(self.storage, "keep_only_hashed_files", False))
        readings = self.read(fingerprints=fingerprints)
        found = self.fingerprint(readings) if fingerprints else {}
        outputs = outputs_of(readings, found, originals=keeps)
        if self.wishes.clear or self.wishes.prune:
            remove(self.tree, self.present & parents(outputs))
            self.below = below(self.present)
        self.publish(outputs, readings, found)
        names = {name for output in outputs for name in output.names} | parents(outputs)
        if self.wishes.variants and self.wishes.post_process:
            names |= self.compress(outputs, self.wishes.variants)
        self.stage.commit()
        if fingerprints:
            names.add(save_manifest(self.storage, self.tree, found))
        originals = frozenset() if keeps else frozenset(r.source.path for r in readings)
        self.tidy(names, originals)
        return self.outcome

    @property
    def kept(self) -> frozenset[str]:
        """The files that the tree has before, and that may stay."""
        return frozenset() if self.wishes.clear else self.present

    def read(self, *, fingerprints: bool) -> tuple[Reading, ...]:
        how = self.wishes.how
        with self.step("read", len(self.plan.wins)) as progress:
            readings = read_sources(
                self.plan.wins,
                self.storage,
                self.tree,
                self.crew,
                progress,
                fingerprints=fingerprints,
                present=self.kept,
                strong=how.links or how.settled or self.wishes.variants is not None,
            )
        self.outcome.add(files=len(readings), bytes=sum(reading.size for reading in readings))
        return readings

    def fingerprint(self, readings: Iterable[Reading]) -> dict[str, Fingerprinted]:
        originals = tuple(self.original(reading) for reading in readings)
        with self.step("fingerprint", len(originals)):
            return fingerprint(
                self.storage,
                originals,
                is_empty=self.wishes.clear,
                missing_maps=self.tell.warn if self.wishes.missing_maps == "warn" else None,
            )

    def original(self, reading: Reading) -> Original:
        name = reading.source.path
        refers = reading.path or is_adjustable(self.storage, name)
        content = reading.content if refers else None
        return Original(name, reading.source.name, reading.digest, reading.identity, content)

    def publish(
        self,
        outputs: tuple[Output, ...],
        readings: tuple[Reading, ...],
        found: dict[str, Fingerprinted],
    ) -> None:
        there = self.kept
        kept = {reading.source.path for reading in readings if reading.is_unmodified}
        pairs = ((found.get(reading.source.path), reading) for reading in readings)
        kept |= {item.name for item, reading in pairs if item and self.holds(item, reading, there)}
        wanted = pending(outputs, kept)
        with self.step("publish", len(wanted)) as progress:
            self.outcome.add(copies=self.write(wanted, progress))
        check_apart(self.stage, outputs)
        for reading in readings:
            self.account(reading, found, there)
        self.outcome.add(
            copied=len(self.outcome.modified),
            unmodified=len(self.outcome.unmodified),
            fingerprinted=len(found),
        )

    def holds(self, item: Fingerprinted, reading: Reading, there: frozenset[str]) -> bool:
        """Tell whether the tree has *item*, which is *reading*, as it is to be.

        A killed run may have left less of it; what was rewritten, Django writes again each time.
        """
        if item.name not in there:
            return False
        path = self.tree.path(item.name)
        size = reading.size if item.content is None else len(item.content)
        state = os.lstat(path)
        if not stat.S_ISREG(state.st_mode) or state.st_size != size:
            return False
        return item.content is None or Path(path).read_bytes() == item.content

    def account(
        self, reading: Reading, found: dict[str, Fingerprinted], there: frozenset[str]
    ) -> None:
        """Sort *reading* in as collectstatic counts it, *there* being what the tree had."""
        outcome, name = self.outcome, reading.source.path
        (outcome.unmodified if reading.is_unmodified else outcome.modified).append(name)
        if name in there and not reading.is_unmodified:
            outcome.replaced.append(name)
        if name not in found:
            return
        if is_adjustable(self.storage, name) or not (
            found[name].yields or found[name].name in there
        ):
            outcome.post_processed.append((name, found[name].name))
        else:
            outcome.skipped.append(name)

    def write(self, outputs: list[Output], progress: Progress = _told_to_nobody) -> int:
        for output in outputs if self.below else ():
            for name in output.names:
                remove(self.tree, self.below.get(name, ()))
        with self.stage.named():
            return publish(self.stage, outputs, self.wishes.how, self.crew, progress)

    def compress(self, outputs: tuple[Output, ...], variants: Variants) -> set[str]:
        """Make the variants of *outputs*; return their names."""
        names: dict[str, list[str]] = {}
        sizes = {output.identity: output.size for output in outputs}
        for output in outputs:
            if fit := [name for name in output.names if variants.fits(name)]:
                names.setdefault(output.identity, []).extend(fit)
        tasks = [
            Task(identity, sizes[identity], Path(self.stage.tree.path(own[0])), tuple(own))
            for identity, own in names.items()
        ]
        made: set[str] = set()
        wanted: list[Output] = []
        total = sum(task.size for task in tasks)
        with self.step("compress", total) as progress:
            done = compress(
                tasks,
                variants.codecs,
                self.wishes.cache,
                self.wishes.threads,
                progress,
                self.wishes.reuse,
            )
            for variant in done:
                wanted.append(self.variant(variant, names[variant.identity]))
                made.update(wanted[-1].names)
                if sum(output.size for output in wanted) > PORTION:
                    self.write(wanted)
                    wanted = []
            self.write(wanted)
        return made

    def variant(self, variant: Variant, names: list[str]) -> Output:
        """Return *variant* as an output for each of *names*, and count it."""
        targets = tuple(f"{name}.{variant.suffix}" for name in names)
        self.outcome.post_processed += zip(names, targets, strict=True)
        summary, size = self.outcome.summary, len(variant.data)
        self.outcome.add(
            variants=summary.variants + 1,
            variant_bytes=summary.variant_bytes + size,
            hits=summary.hits + variant.hit,
            reused=summary.reused + variant.reused,
        )
        return Output(targets, variant.suffix, variant.identity, size, content=variant.data)

    def tidy(self, names: set[str], originals: frozenset[str]) -> None:
        """Remove what is not to stay of what was there before; count what does."""
        stale = self.present - names
        if self.wishes.clear:
            self.outcome.deleted = sorted(self.present)
        removed = stale if self.wishes.clear or self.wishes.prune else stale & originals
        remove(self.tree, removed)
        self.outcome.add(removed=len(removed), stale=len(stale - removed))

    @contextmanager
    def step(self, name: str, total: int) -> Iterator[_Progress]:
        """Time a step, and tell of it."""
        started = time.monotonic()
        progress = _Progress(self.tell, name, total)
        progress(0)
        yield progress
        seconds = round(time.monotonic() - started, 3)
        self.outcome.add(seconds={**self.outcome.summary.seconds, name: seconds})


@dataclass
class _Progress:
    """Tells how much of a step is done, a hundred times at most."""

    tell: Tell
    step: str
    total: int
    done: int = 0
    told: int = 0

    def __call__(self, more: int) -> None:
        self.done += more
        if not self.done or self.done == self.total or self.done - self.told > self.total // 100:
            self.told = self.done
            self.tell.progress(self.step, self.done, self.total)
