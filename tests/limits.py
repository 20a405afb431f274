"""Limits of time and memory, for tests of hostile input."""

from __future__ import annotations

import os
import resource
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest


def run_limited(function: Callable[[], object], *, seconds: int = 10, megabytes: int = 256) -> None:
    """Call *function* in a fork of this process; raises AssertionError if it fails.

    It may take *seconds* of processor time, and *megabytes* more than this process has.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads in this process
        child = os.fork()
    if child == 0:
        status = 1
        try:
            limit = memory() + megabytes * 2**20
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            function()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    assert not os.WIFSIGNALED(status), f"ended by {signal.Signals(os.WTERMSIG(status)).name}"
    assert os.WEXITSTATUS(status) == 0


def memory() -> int:
    """Return the size of this process's address space in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


@contextmanager
def limited(seconds: float = 60, megabytes: int = 1024) -> Iterator[None]:
    """Fail the test if the block takes longer than *seconds*; 0 are no limit.

    It may take *megabytes* more than this process has, and so may each program that it starts.
    """

    def fail(_signal: int, _frame: FrameType | None) -> None:
        pytest.fail(f"It takes longer than {seconds} seconds.")

    before, most = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGALRM, fail)
    resource.setrlimit(resource.RLIMIT_AS, (memory() + megabytes * 2**20, most))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, (before, most))
