"""Variants: each content compressed once, however many names it has; the largest first."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

from buildstatic.collect.cache import Cache
from buildstatic.collect.codecs import places
from buildstatic.collect.publish import How, mode_of
from buildstatic.collect.stage import Stage
from buildstatic.collect.variants import Variants
from buildstatic.collect.workers.compress_task import UNABLE, Job, press
from buildstatic.collect.workers.pool import Workers


@dataclass(frozen=True, slots=True)
class Task:
    """A content to compress: its SHA-256, its size, where it is, and all the names that it has.

    *seconds* is the time that its variants get, -1 for that of their making.
    """

    identity: str
    size: int
    path: str
    names: tuple[str, ...]
    seconds: int = -1


@dataclass(frozen=True, slots=True)
class Pressed:
    """A variant that was written: its *suffix*, and its *size*.

    *hit* tells that the cache had it, *reused* that an earlier tree did; else it was made.
    """

    suffix: str
    size: int
    hit: bool
    reused: bool


def job_of(
    variants: Variants, stage: Stage, *, how: How, cache: Cache | None, reuse: Path | None
) -> Job:
    """Return what is the same for all contents that are compressed onto *stage*."""
    return Job(
        codecs=tuple((c.format, c.level, c.suffix, c.key) for c in variants.codecs),
        chained=variants.chained,
        libraries=places(),
        cache=str(cache.directory) if cache else "",
        limit=cache.limit if cache else 0,
        reuse=str(reuse or ""),
        root=stage.tree.root,
        mode=mode_of(stage.tree, how),
        links=how.links,
        direct=stage.is_new,
        parent=os.getpid(),
    )


def compress(
    tasks: Iterable[Task], job: Job, crew: Workers
) -> Iterator[tuple[Task, tuple[Pressed, ...]]]:
    """Yield *tasks* as they get done, each with the variants that were worth keeping.

    What the cache or the earlier tree of *job* has is not made again, and the cache is held to its
    limit in the end, whatever that is. Raises OSError and `CollectFailed`.
    """
    ordered = sorted(tasks, key=lambda task: task.size, reverse=True)
    items = [(task.path, task.size, task.identity, task.names, task.seconds) for task in ordered]
    common = astuple(job)
    put, is_done = 0, False
    try:
        for number, result in crew.run_by_size("press", items, common):
            if result == UNABLE:
                result = press(*items[number], *common)
            put += result[0]
            yield ordered[number], tuple(Pressed(*variant) for variant in result[1])
        is_done = True
    finally:
        if job.cache and (put or not is_done):
            Cache(Path(job.cache), job.limit).evict()
