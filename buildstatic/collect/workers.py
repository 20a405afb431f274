"""Worker processes for what the interpreter's lock keeps threads from doing side by side.

Reading, hashing and writing twenty thousand small files is all system calls: threads fight for the
lock, processes do not. They are interpreters of their own that know nothing but `chores`.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from buildstatic.collect import chores
from buildstatic.errors import CollectFailed

BATCH = 128
# Below this many items a process costs more than it saves.
FEW = 400
GRACE = 10  # seconds
PROGRAM = Path(chores.__file__)
WORDS = {"read": "reading the sources", "write": "writing the files"}

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
        if len(items) >= FEW:
            self._start()
        if self.processes and len(items) >= FEW:
            done = self._away(chore, batches)
        else:
            done = (list(chores.do(chore, batch)) for batch in batches)
        for results in done:
            for result in results:
                if result[:1] == ("",):
                    raise OSError(*result[1:])
                yield result

    def _start(self) -> None:
        """Start what is missing; where the system has no more processes, fewer have to do."""
        if self.count < 2 or not sys.executable:
            return
        with suppress(OSError):
            while len(self.processes) < self.count:
                self.processes.append(_process(self.lock))

    def _away(self, chore: str, batches: list[list[Item]]) -> Iterator[list[Item]]:
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(len(batches)):
            waiting.put(number)
        finished: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()

        def attend(process: subprocess.Popen[bytes]) -> None:
            with suppress(queue.Empty):
                result: list[Item] | Exception = []
                while not isinstance(result, Exception):
                    number = waiting.get_nowait()
                    result = _ask(process, chore, batches[number])
                    finished.put((number, result))

        for process in self.processes:
            threading.Thread(target=attend, args=(process,), daemon=True).start()
        ready: dict[int, list[Item]] = {}
        for number in range(len(batches)):
            while number not in ready:
                key, result = finished.get()
                if isinstance(result, Exception):
                    raise result
                ready[key] = result
            yield ready.pop(number)


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
    command = [sys.executable, "-I", "-S", "-X", encoding, str(PROGRAM), str(os.getpid())]
    pipe = subprocess.PIPE
    kept = () if lock is None else (lock,)
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, pass_fds=kept, process_group=0)


def _ask(process: subprocess.Popen[bytes], chore: str, batch: list[Item]) -> list[Item] | Exception:
    """Return what *process* answers, or the error that it did not."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        chores.send(process.stdin, (chore, batch))
        answer = chores.receive(process.stdout)
    except Exception as error:
        return _died(process, chore) if isinstance(error, BrokenPipeError) else error
    return _died(process, chore) if answer is None else list(answer)


def _died(process: subprocess.Popen[bytes], chore: str) -> CollectFailed:
    status = process.wait()
    name = signal.Signals(-status).name if status < 0 else ""
    end = f"was killed by {name}" if name else f"ended with status {status}"
    problem = f"A worker process {end} while {WORDS[chore]}."
    short = "Most often that means that memory ran out. " if name == "SIGKILL" else ""
    return CollectFailed(problem, f"{short}Run it again: what is there already stays as it is.")
