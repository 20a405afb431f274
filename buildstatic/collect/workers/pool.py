"""A pool of worker processes for tasks that the GIL keeps threads from running in parallel.

Reading, hashing and writing twenty thousand small files is all system calls: threads compete for
the GIL, processes do not. Workers are isolated interpreters that import only `worker`.
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

from buildstatic.collect.workers import worker
from buildstatic.collect.workers.cores import available_cores
from buildstatic.errors import CollectFailed

BATCH = 128
# The least number of batches for each worker, so that none is idle for long at the end.
MIN_BATCHES = 4
# With fewer items, or fewer bytes to compress, starting processes costs more than it saves.
MIN_ITEMS = 400
MIN_BYTES = 1 << 18
# Bytes of all contents that are compressed at the same time, and of those of one batch.
MEMORY_LIMIT = 64 << 20
BATCH_BYTES = 1 << 19
GRACE = 10  # seconds
# A worker is idle while its thread waits for the GIL: by default, 5 ms for each batch.
SWITCH_INTERVAL = 0.0005  # seconds
HOME = Path(worker.__file__).resolve().parents[2]
# The package is created here, without adding to `sys.path`.
PROGRAM = """\
import sys, types
package = sys.modules["buildstatic"] = types.ModuleType("buildstatic")
package.__path__ = [sys.argv[1]]
from buildstatic.collect.workers.worker import main
main(int(sys.argv[2]))
"""
DESCRIPTIONS = {
    "read": "reading the sources",
    "write": "writing the files",
    "compress": "compressing the files",
}

Item = tuple[Any, ...]
TaskRequest = tuple[str, list[Item], Item]


@dataclass
class WorkerPool:
    """Up to *count* processes, started when they are needed, each with the open *descriptors*."""

    count: int
    descriptors: tuple[int, ...] = ()
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    attending: list[threading.Thread] = field(default_factory=list)

    def start(self, items: int) -> None:
        """Start the processes if so many *items* are worth it; `run` does not wait for them then.

        The system may refuse some of them, or all.
        """
        if items >= MIN_ITEMS and self.count > 1:
            self._start()

    def run(self, task: str, items: Sequence[Item]) -> Iterator[Item]:
        """Start *task* for each of *items*; return an iterator of the results, in their order.

        The next call waits until the workers have done all of it. The iterator raises OSError, with
        the file's name, for the first item that failed, and `CollectFailed` if a worker was killed.
        """
        self.start(len(items))
        size = min(BATCH, len(items) // (MIN_BATCHES * self.count) + 1)
        batches = [list(items[start : start + size]) for start in range(0, len(items), size)]
        return _in_order(self._run(_Queue(task, batches)))

    def run_by_size(
        self, task: str, items: Sequence[Item], common: Item, cost: int
    ) -> Iterator[tuple[int, Item]]:
        """Yield the number and the result of each of *items* as they are completed.

        The second value of an item is its size in bytes; the largest come first. The items in
        progress have at most `MEMORY_LIMIT` bytes in total, unless there is only one. *common*
        follows the values of each item. *cost* is how many bytes take time; for few, no process is
        started. Raises as `run` does.
        """
        batches: list[list[Item]] = []
        size = 0
        for item in items:
            if not batches or len(batches[-1]) == BATCH or size + item[1] > BATCH_BYTES:
                batches.append([])
                size = 0
            batches[-1].append(item)
            size += item[1]
        starts = [0, *accumulate(map(len, batches))]
        # A worker has one content of its batch in memory at a time.
        costs = [min(MEMORY_LIMIT, max(item[1] for item in batch)) for batch in batches]
        if cost >= MIN_BYTES:
            self._start()
        for number, results in self._run(_Queue(task, batches, common, costs)):
            yield from enumerate(_checked(results), starts[number])

    def _run(self, batches: _Queue) -> Iterator[tuple[int, list[Item]]]:
        """Return the number and the results of each batch, as they are completed."""
        if not (self.processes and batches):
            return ((n, list(worker.run_task(*batches.request(n)))) for n in range(len(batches)))
        completed: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()

        def attend(process: subprocess.Popen[bytes]) -> None:
            while (number := batches.take()) is not None:
                response = _send(process, batches.request(number))
                completed.put((number, response))
                batches.done(number)
                if isinstance(response, Exception):
                    return

        for thread in self.attending:
            thread.join()
        self.attending = [
            threading.Thread(target=attend, args=(process,), daemon=True)
            for process in self.processes
        ]
        for thread in self.attending:
            thread.start()
        return _completed(batches, completed)

    def _start(self) -> None:
        """Start the processes that are missing, or fewer if the system refuses more."""
        if not sys.executable:
            return
        # Names are decoded as in this process, and Ctrl-C is not delivered to the worker.
        encoding = f"utf8={sys.flags.utf8_mode}"
        arguments = (PROGRAM, str(HOME), str(os.getpid()))
        with suppress(OSError):
            while len(self.processes) < self.count:
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-X", encoding, "-c", *arguments],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    pass_fds=self.descriptors,
                    process_group=0,
                )
                self.processes.append(process)


@contextmanager
def worker_pool(
    count: int | None = None, lock: int | None = None, spool: int | None = None
) -> Iterator[WorkerPool]:
    """Yield a `WorkerPool` whose processes have all exited when the block ends.

    *count* is by default the number of available cores. *lock* is the descriptor of a lock that the
    workers hold as long as they run, *spool* that of a file that they write contents from. If the
    block raises, they stop at once, without leaving an incomplete file.
    """
    descriptors = tuple(each for each in (lock, spool) if each is not None)
    pool = WorkerPool(available_cores() if count is None else count, descriptors)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        yield pool
    except BaseException:
        for process in pool.processes:
            process.terminate()
        for process in pool.processes:
            _wait(process)
        raise
    finally:
        sys.setswitchinterval(interval)
        for process in pool.processes:
            assert process.stdin is not None
            assert process.stdout is not None
            with suppress(OSError):
                process.stdin.close()
            _wait(process)
            process.stdout.close()


class _Queue:
    """The batches of a *task* that wait, taken in their order.

    With *costs*, the batches in progress cost at most `MEMORY_LIMIT`.
    """

    def __init__(
        self,
        task: str,
        batches: Sequence[list[Item]],
        common: Item = (),
        costs: Sequence[int] | None = None,
    ) -> None:
        self.task = task
        self.batches = batches
        self.common = common
        self.costs = costs or [0] * len(batches)
        self.numbers = deque(range(len(batches)))
        self.cost = 0
        self.changed = threading.Condition()

    def __len__(self) -> int:
        return len(self.batches)

    def request(self, number: int) -> TaskRequest:
        """Return the request for the batch *number*."""
        return self.task, self.batches[number], self.common

    def take(self) -> int | None:
        """Return the number of the next batch once its cost is available; None at the end."""
        with self.changed:
            self.changed.wait_for(
                lambda: not self.numbers or self.cost + self.costs[self.numbers[0]] <= MEMORY_LIMIT
            )
            if not self.numbers:
                return None
            number = self.numbers.popleft()
            self.cost += self.costs[number]
            self.changed.notify_all()
            return number

    def done(self, number: int) -> None:
        """Free the cost of the batch *number*."""
        with self.changed:
            self.cost -= self.costs[number]
            self.changed.notify_all()

    def close(self) -> None:
        """Discard the remaining batches."""
        with self.changed:
            self.numbers.clear()
            self.changed.notify_all()


def _completed(
    batches: _Queue, completed: queue.SimpleQueue[tuple[int, Any]]
) -> Iterator[tuple[int, list[Item]]]:
    """Yield what is put into *completed* for each of *batches*; raise the first error among it."""
    try:
        for _ in range(len(batches)):
            number, response = completed.get()
            if isinstance(response, Exception):
                raise response
            yield number, response
    finally:
        batches.close()


def _in_order(batches: Iterable[tuple[int, list[Item]]]) -> Iterator[Item]:
    """Yield the results of *batches*, in the order of their numbers; raise the first failure."""
    ready: dict[int, list[Item]] = {}
    following = 0
    for number, results in batches:
        ready[number] = results
        while following in ready:
            yield from _checked(ready.pop(following))
            following += 1


def _checked(results: Iterable[Item]) -> Iterator[Item]:
    """Yield *results*; raise the first failure among them."""
    for result in results:
        if result[:1] == ("",):
            raise OSError(*result[1:])
        yield result


def _send(
    process: subprocess.Popen[bytes], request: tuple[str, list[Item], Item]
) -> list[Item] | Exception:
    """Return the response of *process* to *request*, or why there is none."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        worker.write_frame(process.stdin, request)
        response = worker.read_frame(process.stdout)
    except BrokenPipeError:
        response = None
    except Exception as error:
        return error
    if response is not None:
        return list(response)
    status = process.wait()
    name = signal.Signals(-status).name if status < 0 else ""
    end = f"was killed by {name}" if name else f"exited with status {status}"
    problem = f"A worker process {end} while {DESCRIPTIONS[request[0]]}."
    memory = "The machine may have run out of memory. " if name == "SIGKILL" else ""
    return CollectFailed(problem, f"{memory}Run it again: files that were written are kept.")


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
