"""The program of a worker process: it does the chores that come in, and answers.

It runs in an isolated interpreter that knows this package and the standard library alone.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import marshal
import os
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any

from buildstatic.collect.workers.read_task import read
from buildstatic.collect.workers.write_task import write

FRAME = struct.Struct("<Q")

Failure = tuple[str, int, str]


def _press(*item: Any) -> tuple[Any, ...]:
    from buildstatic.collect.workers.compress_task import press

    return press(*item)


CHORES: dict[str, Callable[..., tuple[Any, ...]]] = {"read": read, "write": write, "press": _press}


def do(
    name: str, batch: list[tuple[Any, ...]], common: tuple[Any, ...] = ()
) -> Iterator[tuple[Any, ...] | Failure]:
    """Do the chore *name* for each of *batch*, with *common*; a failure is yielded in its place.

    A failure is ``("", errno, reason, file name)``: what an OSError is made of.
    """
    chore = CHORES[name]
    for item in batch:
        try:
            yield chore(*item, *common)
        except OSError as error:
            place = error.filename2 or error.filename or ""
            yield "", error.errno or 0, error.strerror or str(error), str(place)
        except ValueError as error:  # a name that the file system cannot have
            place = item[0] if isinstance(item[0], str) else item[3][0]
            yield "", errno.EINVAL, str(error), place


def send(stream: IO[bytes], value: Any) -> None:
    """Write *value* to *stream*, as one frame."""
    data = marshal.dumps(value)
    stream.write(FRAME.pack(len(data)) + data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Return the value of the next frame of *stream*, None where it ends before that does."""
    head = stream.read(FRAME.size)
    if len(head) < FRAME.size:
        return None
    (length,) = FRAME.unpack(head)
    data = stream.read(length)
    return None if len(data) < length else marshal.loads(data)


def serve(requests: IO[bytes], answers: IO[bytes], parent: int) -> None:
    """Do what comes in, frame by frame, until the input ends or the process *parent* has.

    The tree's lock ends with that process, so nothing is begun after it.
    """
    while request := receive(requests):
        results = []
        for result in do(*request):
            results.append(result)
            if os.getppid() != parent:
                return
        send(answers, results)


def _stop(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


@contextlib.contextmanager
def stopped_at_once() -> Iterator[None]:
    """Let the process end in the middle of the block, if it is a worker that is told to stop.

    A codec cannot be interrupted, and may take a minute; nothing must be half done there.
    """
    if not is_worker():
        yield
        return
    # A signal between Python's look for one and its change of the handler would be forgotten.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, _stop)


def is_worker() -> bool:
    """Tell whether this process is a worker."""
    return signal.getsignal(signal.SIGTERM) is _stop


def main(parent: int) -> None:
    """Serve on the standard streams for the process *parent*, which started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    gc.disable()  # nothing here refers to itself
    with contextlib.suppress(BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer, parent)
    os._exit(0)  # at once, and without an attempt to write again
