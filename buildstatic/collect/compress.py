"""Variants: each content compressed once, however many names it has; the largest first.

What is worth keeping is WhiteNoise's rule (whitenoise/compress.py): a variant of at most 95 % of
the original, and where brotli is not worth it, nothing else is tried. ServeStatic tries
each by itself (servestatic/compress.py).
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from buildstatic.collect.cache import NOT_WORTH_IT, Cache, variant_at
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
    """A variant of the content *identity*.

    *hit* tells that the cache had it, *reused* that an earlier tree did; else it was made.
    """

    identity: str
    suffix: str
    data: bytes
    hit: bool = False
    reused: bool = False


def compress(
    tasks: Iterable[Task],
    codecs: tuple[Codec, ...],
    cache: Cache | None,
    threads: int,
    progress: Callable[[int], None],
    reuse: Path | None = None,
    *,
    chained: bool = True,
) -> Iterator[Variant]:
    """Yield the variants of *tasks* that are worth keeping, as they get done.

    *codecs* are tried in their order; what *cache*, or *reuse*, an earlier tree, has is not made
    again. Contents whose variants were not taken yet are at most `BUDGET` bytes, or one larger one.
    *progress* is told how many bytes of contents are done. Without *chained*, each of *codecs* is
    tried. Raises OSError.
    """
    pending = _Pending(tasks)
    maker = _Maker(codecs, cache, reuse, chained)
    done: SimpleQueue[tuple[Task, list[Variant] | BaseException]] = SimpleQueue()

    def work() -> None:
        while task := pending.take():
            try:
                done.put((task, list(maker.variants(task))))
            except BaseException as error:
                done.put((task, error))

    # Ended with the process: a codec cannot be interrupted, and Ctrl-C is not to wait for it.
    crew = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    try:
        for thread in crew:
            thread.start()
        for _ in range(pending.count):
            task, result = done.get()
            if isinstance(result, BaseException):
                raise result
            yield from result
            pending.leave(task)
            progress(task.size)
    finally:
        pending.close()
    for thread in crew:
        thread.join()
    maker.finish()


@dataclass
class _Maker:
    """Makes the variants of a task, or finds them; *put* tells whether the cache got any."""

    codecs: tuple[Codec, ...]
    cache: Cache | None
    reuse: Path | None
    chained: bool
    put: bool = False

    def variants(self, task: Task) -> Iterator[Variant]:
        content = _content(task)
        for codec in self.codecs:
            kept = self.kept(task, codec, content)
            found = self.found(task, codec, content) if kept is None else None
            data = kept or found or self.made(task, codec, content)
            if data != NOT_WORTH_IT:
                hit, reused = kept is not None, found is not None
                yield Variant(task.identity, codec.suffix, data, hit, reused)
            elif codec.suffix == "br" and self.chained:
                return

    def kept(self, task: Task, codec: Codec, content: bytes) -> bytes | None:
        """Return what the cache has."""
        data = self.cache.get(task.identity, codec, content) if self.cache else None
        return _checked(data, content)

    def found(self, task: Task, codec: Codec, content: bytes) -> bytes | None:
        """Return what the earlier tree has under one of the names."""
        if self.reuse is None:
            return None
        for name in task.names:
            data = variant_at(self.reuse / f"{name}.{codec.suffix}", codec, content)
            if data is not None and _is_worth_it(data, content):
                return data
        return None

    def made(self, task: Task, codec: Codec, content: bytes) -> bytes:
        data = codec.compress(content)
        if not _is_worth_it(data, content):
            data = NOT_WORTH_IT
        if self.cache:
            self.cache.put(task.identity, codec, data)
            self.put = True
        return data

    def finish(self) -> None:
        if self.cache and self.put:
            self.cache.evict()


def _checked(data: bytes | None, content: bytes) -> bytes | None:
    """Return *data* of the cache; None for a variant that nobody would have kept."""
    if data is None or data == NOT_WORTH_IT or _is_worth_it(data, content):
        return data
    return None


def _is_worth_it(data: bytes, content: bytes) -> bool:
    return len(data) <= WORTH * len(content)


def _content(task: Task) -> bytes:
    with task.path.open("rb", buffering=0) as file:
        content = file.read(task.size + 1)
        while len(content) < task.size and (more := file.read(task.size + 1 - len(content))):
            content += more
    if len(content) != task.size:
        raise OSError(errno.EBUSY, "it changed after it was collected", str(task.path))
    return content


class _Pending:
    """The tasks to do, handed out in their order while the sizes of those out fit the budget."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self.tasks = sorted(tasks, key=lambda task: task.size)
        self.count = len(self.tasks)
        self.held = 0
        self.changed = threading.Condition()

    def take(self) -> Task | None:
        """Return the largest task, as soon as there is room for it; None if there is none left."""
        with self.changed:
            self.changed.wait_for(
                lambda: not self.tasks or self.held + _cost(self.tasks[-1]) <= BUDGET
            )
            if not self.tasks:
                return None
            task = self.tasks.pop()
            self.held += _cost(task)
            self.changed.notify_all()
            return task

    def leave(self, task: Task) -> None:
        with self.changed:
            self.held -= _cost(task)
            self.changed.notify_all()

    def close(self) -> None:
        """Let no more be taken."""
        with self.changed:
            self.tasks.clear()
            self.changed.notify_all()


def _cost(task: Task) -> int:
    return min(task.size, BUDGET)
