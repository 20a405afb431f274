"""Worker processes for what the interpreter's lock keeps threads from doing side by side.

Reading, hashing and writing twenty thousand small files is all system calls: threads fight for the
lock, processes do not. They are interpreters of their own that know nothing but `chores`.
"""

from __future__ import annotations

import marshal
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from buildstatic.collect import chores

BATCH = 128
# Below this many items a process costs more than it saves.
FEW = 400
GRACE = 10  # seconds
PROGRAM = Path(chores.__file__)

Item = tuple[Any, ...]


@dataclass
class Workers:
    """Up to *count* processes, started when there is work for them."""

    count: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, chore: str, items: Sequence[Item]) -> Iterator[Item]:
        """Yield the result of *chore* for each of *items*, in their order.

        Raises OSError, with the file's name, for the first that failed.
        """
        batches = [list(items[start : start + BATCH]) for start in range(0, len(items), BATCH)]
        here = self.count < 2 or len(items) < FEW
        done = (
            (chores.do(chore, batch) for batch in batches) if here else self._away(chore, batches)
        )
        for results in done:
            for result in results:
                if result[:1] == ("",):
                    raise OSError(result[1], result[2], result[3])
                yield result

    def _away(self, chore: str, batches: list[list[Item]]) -> Iterator[list[Item]]:
        while len(self.processes) < self.count:
            self.processes.append(_start())
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(len(batches)):
            waiting.put(number)
        finished: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()

        def attend(process: subprocess.Popen[bytes]) -> None:
            while True:
                try:
                    number = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    finished.put((number, _ask(process, chore, batches[number])))
                except Exception as error:
                    finished.put((number, error))
                    return

        threads = [threading.Thread(target=attend, args=(p,), daemon=True) for p in self.processes]
        for thread in threads:
            thread.start()
        ready: dict[int, Any] = {}
        for number in range(len(batches)):
            while number not in ready:
                key, result = finished.get()
                if isinstance(result, Exception):
                    raise result
                ready[key] = result
            yield ready.pop(number)


@contextmanager
def workers(count: int) -> Iterator[Workers]:
    """Yield `Workers` of which none is left when the block ends."""
    crew = Workers(count)
    try:
        yield crew
    finally:
        for process in crew.processes:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let *process* finish the file that it is at, and see it end."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(OSError):
        process.stdin.close()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def _start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", "-X", "utf8", str(PROGRAM)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _ask(process: subprocess.Popen[bytes], chore: str, batch: list[Item]) -> list[Item]:
    assert process.stdin is not None
    assert process.stdout is not None
    data = marshal.dumps((chore, batch))
    process.stdin.write(chores.FRAME.pack(len(data)) + data)
    process.stdin.flush()
    head = process.stdout.read(chores.FRAME.size)
    if len(head) < chores.FRAME.size:
        raise RuntimeError(f"A worker process ended with status {process.wait()}.")
    (length,) = chores.FRAME.unpack(head)
    results: list[Item] = marshal.loads(process.stdout.read(length))
    return results
