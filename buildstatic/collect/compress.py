"""Variants: each content compressed once, however many names it has; the largest first.

What is worth keeping is WhiteNoise's rule (whitenoise/compress.py): a variant of at most 95 % of
the original, and where brotli is not worth it, nothing else is tried.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from buildstatic.collect.cache import NOT_WORTH_IT, Cache
from buildstatic.collect.codecs import Codec

WORTH = 0.95
# Of contents in memory at one time; one that is larger is alone.
BUDGET = 64 << 20


@dataclass(frozen=True)
class Task:
    """A content to compress: its SHA-256, its size, where it is, and all the names that it has."""

    identity: str
    size: int
    path: Path
    names: tuple[str, ...]


@dataclass(frozen=True)
class Variant:
    """A variant of the content *identity*; *hit* tells that the cache had it."""

    identity: str
    suffix: str
    data: bytes
    hit: bool


def compress(
    tasks: Iterable[Task],
    codecs: tuple[Codec, ...],
    cache: Cache | None,
    threads: int,
    progress: Callable[[int], None],
) -> Iterator[Variant]:
    """Yield the variants of *tasks* that are worth keeping, the largest content's first.

    *codecs* are tried in their order. Not more than `BUDGET` bytes of contents are in memory, or
    one larger one. *progress* is told how many bytes of contents are done.
    """
    gate = _Gate(BUDGET)

    def work(task: Task) -> list[Variant]:
        with gate.holding(task.size):
            return list(_variants(task, codecs, cache))

    largest_first = sorted(tasks, key=lambda task: task.size, reverse=True)
    with ThreadPoolExecutor(threads) as pool:
        try:
            for task, variants in zip(largest_first, pool.map(work, largest_first), strict=True):
                yield from variants
                progress(task.size)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _variants(task: Task, codecs: tuple[Codec, ...], cache: Cache | None) -> Iterator[Variant]:
    content = task.path.read_bytes()
    for codec in codecs:
        data = cache.get(task.identity, codec, content) if cache else None
        hit = data is not None
        if data is None:
            data = codec.compress(content)
            if len(data) > WORTH * len(content):
                data = NOT_WORTH_IT
            if cache:
                cache.put(task.identity, codec, data)
        if data == NOT_WORTH_IT:
            if codec.suffix == "br":
                return
            continue
        yield Variant(task.identity, codec.suffix, data, hit)


class _Gate:
    """Lets work through while its sizes add up to no more than a budget."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.held = 0
        self.changed = threading.Condition()

    def holding(self, size: int) -> _Held:
        return _Held(self, min(size, self.budget))


@dataclass(frozen=True)
class _Held:
    gate: _Gate
    size: int

    def __enter__(self) -> None:
        gate = self.gate
        with gate.changed:
            gate.changed.wait_for(lambda: gate.held + self.size <= gate.budget)
            gate.held += self.size

    def __exit__(self, *_: object) -> None:
        with self.gate.changed:
            self.gate.held -= self.size
            self.gate.changed.notify_all()
