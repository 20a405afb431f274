"""Worker processes for what the interpreter's lock keeps threads from doing side by side.

Reading, hashing and writing twenty thousand small files is all system calls: threads fight for the
lock, processes do not. They are interpreters of their own that know nothing but `serving`.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from buildstatic.collect.workers import worker as serving
from buildstatic.errors import CollectFailed

BATCH = 128
# Below this many items a process costs more than it saves, and below so many bytes to compress.
FEW = 400
LITTLE = 1 << 18
# Of contents that are compressed at one time, and of those of one batch.
BUDGET = 64 << 20
PORTION = 1 << 19
GRACE = 10  # seconds
HOME = Path(serving.__file__).resolve().parents[2]
# The packages are made here, for their own ``__init__`` would import what no worker needs.
PROGRAM = """\
import sys, types
home = sys.argv[1]
for name, place in (("buildstatic", home), ("buildstatic.collect", home + "/collect")):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [place]
from buildstatic.collect.workers.worker import main
main(int(sys.argv[2]))
"""
WORDS = {
    "read": "reading the sources",
    "write": "writing the files",
    "press": "compressing the files",
}

Item = tuple[Any, ...]


@dataclass
class Workers:
    """Up to *count* processes, started when there is work for them, each with the *lock*."""

    count: int
    lock: int | None = None
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, chore: str, items: Sequence[Item]) -> Iterator[Item]:
        """Yield the result of *chore* for each of *items*, in their order.

        Raises OSError, with the file's name, for the first that failed, and `CollectFailed` where
        a process was killed.
        """
        batches = [list(items[start : start + BATCH]) for start in range(0, len(items), BATCH)]
        if len(items) >= FEW and self.count > 1:
            self._start()
        ready: dict[int, list[Item]] = {}
        following = 0
        for number, results in self._done(_Waiting(chore, batches), len(items) >= FEW):
            ready[number] = results
            while following in ready:
                yield from _checked(ready.pop(following))
                following += 1

    def run_by_size(
        self, chore: str, items: Sequence[Item], common: Item
    ) -> Iterator[tuple[int, Item]]:
        """Yield the number and the result of each of *items* as they get done.

        The second value of an item is its size, in bytes; the largest come first. Those at work
        have at most `BUDGET` bytes, or are one. *common* follows each item. Raises as `run` does.
        """
        batches = list(_portions(items))
        starts = [0, *accumulate(map(len, batches))]
        is_much = sum(item[1] for item in items) >= LITTLE
        if is_much:
            self._start()
        costs = [min(BUDGET, max(item[1] for item in batch)) for batch in batches]
        for number, results in self._done(_Waiting(chore, batches, common, costs), is_much):
            yield from enumerate(_checked(results), starts[number])

    def _done(self, waiting: _Waiting, is_much: bool) -> Iterator[tuple[int, list[Item]]]:
        """Yield the number and the results of each batch, as they get done."""
        return self._away(waiting) if self.processes and is_much else _here(waiting)

    def _start(self) -> None:
        """Start what is missing; where the system has no more processes, fewer have to do."""
        if not sys.executable:
            return
        with suppress(OSError):
            while len(self.processes) < self.count:
                self.processes.append(_process(self.lock))

    def _away(self, waiting: _Waiting) -> Iterator[tuple[int, list[Item]]]:
        finished: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()

        def attend(process: subprocess.Popen[bytes]) -> None:
            while (number := waiting.take()) is not None:
                result = _ask(process, waiting.request(number))
                finished.put((number, result))
                waiting.leave(number)
                if isinstance(result, Exception):
                    return

        for process in self.processes:
            threading.Thread(target=attend, args=(process,), daemon=True).start()
        try:
            for _ in waiting.batches:
                number, result = finished.get()
                if isinstance(result, Exception):
                    raise result
                yield number, result
        finally:
            waiting.close()


class _Waiting:
    """The batches of a *chore* that wait, handed out in their order.

    With *costs*, those out cost `BUDGET` at most.
    """

    def __init__(
        self,
        chore: str,
        batches: Sequence[list[Item]],
        common: Item = (),
        costs: Sequence[int] | None = None,
    ) -> None:
        self.chore = chore
        self.batches = batches
        self.common = common
        self.costs = costs or [0] * len(batches)
        self.numbers = deque(range(len(batches)))
        self.held = 0
        self.changed = threading.Condition()

    def request(self, number: int) -> tuple[str, list[Item], Item]:
        """Return what a worker is to be sent for the batch *number*."""
        return self.chore, self.batches[number], self.common

    def take(self) -> int | None:
        """Return the number of the next batch, as soon as there is room for it; None at the end."""
        with self.changed:
            self.changed.wait_for(self._has_room)
            if not self.numbers:
                return None
            number = self.numbers.popleft()
            self.held += self.costs[number]
            self.changed.notify_all()
            return number

    def _has_room(self) -> bool:
        return not self.numbers or self.held + self.costs[self.numbers[0]] <= BUDGET

    def leave(self, number: int) -> None:
        """Make room for others: the batch *number* is done."""
        with self.changed:
            self.held -= self.costs[number]
            self.changed.notify_all()

    def close(self) -> None:
        """Let no more be taken."""
        with self.changed:
            self.numbers.clear()
            self.changed.notify_all()


def _checked(results: Iterable[Item]) -> Iterator[Item]:
    """Yield *results*; raise the first failure among them."""
    for result in results:
        if result[:1] == ("",):
            raise OSError(*result[1:])
        yield result


def _here(waiting: _Waiting) -> Iterator[tuple[int, list[Item]]]:
    for number in range(len(waiting.batches)):
        yield number, list(serving.do(*waiting.request(number)))


def _portions(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Yield *items* in batches of at most `BATCH` of them and `PORTION` bytes, or one larger."""
    batch: list[Item] = []
    size = 0
    for item in items:
        if batch and (len(batch) == BATCH or size + item[1] > PORTION):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += item[1]
    if batch:
        yield batch


@contextmanager
def workers(count: int, lock: int | None = None) -> Iterator[Workers]:
    """Yield `Workers` of which none is left when the block ends.

    *lock* is the descriptor of a lock that they are to hold as long as they run. Where it ends with
    an exception they stop at once, without leaving half a file behind.
    """
    crew = Workers(count, lock)
    try:
        yield crew
    except BaseException:
        for process in crew.processes:
            process.terminate()
        for process in crew.processes:
            _wait(process)
        raise
    finally:
        for process in crew.processes:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """See *process* end, whose input ends here."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(OSError):
        process.stdin.close()
    _wait(process)
    process.stdout.close()


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _process(lock: int | None) -> subprocess.Popen[bytes]:
    """Start a worker that reads names as this process does, and has no part in its Ctrl-C."""
    encoding = f"utf8={sys.flags.utf8_mode}"
    own = (PROGRAM, str(HOME), str(os.getpid()))
    command = [sys.executable, "-I", "-S", "-X", encoding, "-c", *own]
    pipe = subprocess.PIPE
    kept = () if lock is None else (lock,)
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, pass_fds=kept, process_group=0)


def _ask(
    process: subprocess.Popen[bytes], request: tuple[str, list[Item], Item]
) -> list[Item] | Exception:
    """Return what *process* answers, or the error that it did not."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        serving.send(process.stdin, request)
        answer = serving.receive(process.stdout)
    except Exception as error:
        return _died(process, request[0]) if isinstance(error, BrokenPipeError) else error
    return _died(process, request[0]) if answer is None else list(answer)


def _died(process: subprocess.Popen[bytes], chore: str) -> CollectFailed:
    status = process.wait()
    name = signal.Signals(-status).name if status < 0 else ""
    end = f"was killed by {name}" if name else f"ended with status {status}"
    problem = f"A worker process {end} while {WORDS[chore]}."
    short = "Most often that means that memory ran out. " if name == "SIGKILL" else ""
    return CollectFailed(problem, f"{short}Run it again: what is there already stays as it is.")
