"""The program of a worker process: it reads requests from a pipe and writes responses to another.

It runs in an isolated interpreter with only this package and the standard library. A request names
a task and has a batch of items; the response has a result for each item. Both are sent as frames:
the length, then the value as `marshal` writes it.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import marshal
import os
import struct
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any

from buildstatic.collect.workers.file_tasks import read, write
from buildstatic.collect.workers.process import install_signal_handlers

HEADER = struct.Struct("<Q")


def _compress(*item: Any) -> tuple[Any, ...]:
    # Only a run that compresses pays for these imports.
    from buildstatic.collect.workers.compress_task import compress_file

    return compress_file(*item)


TASKS: dict[str, Callable[..., tuple[Any, ...]]] = {
    "read": read,
    "write": write,
    "compress": _compress,
}


def run_task(
    name: str, batch: list[tuple[Any, ...]], common: tuple[Any, ...] = ()
) -> Iterator[tuple[Any, ...]]:
    """Yield the result of the task *name* for each item of *batch*, which *common* follows.

    The result of an item that failed is ``("", errno, reason, file name)``: the arguments of its
    OSError.
    """
    task = TASKS[name]
    for item in batch:
        try:
            yield task(*item, *common)
        except OSError as error:
            file = error.filename2 or error.filename or ""
            yield "", error.errno or 0, error.strerror or str(error), str(file)
        except ValueError as error:  # a name that no file can have
            file = item[0] if isinstance(item[0], str) else item[3][0]
            yield "", errno.EINVAL, str(error), file


def write_frame(stream: IO[bytes], value: Any) -> None:
    """Write *value* to *stream*."""
    data = marshal.dumps(value)
    stream.write(HEADER.pack(len(data)) + data)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Any:
    """Return the next value from *stream*, None if it ends before the frame is complete."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (length,) = HEADER.unpack(header)
    data = stream.read(length)
    return None if len(data) < length else marshal.loads(data)


def serve(requests: IO[bytes], responses: IO[bytes], parent: int) -> None:
    """Answer *requests* until they end, or until the process *parent* has ended.

    The lock on the tree ends with *parent*, so no further item is begun.
    """
    while request := read_frame(requests):
        results = []
        for result in run_task(*request):
            results.append(result)
            if os.getppid() != parent:
                return
        write_frame(responses, results)


def main(parent: int) -> None:
    """Serve on the standard streams for the process *parent*, which started this one."""
    install_signal_handlers()
    gc.disable()  # no reference cycles are created here
    with contextlib.suppress(BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer, parent)
    os._exit(0)  # without flushing into the broken pipe
