from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from buildstatic.threads import Threads

INTERRUPTED = """
import signal, sys
from buildstatic.threads import Threads

def end(*_):
    raise SystemExit

signal.signal(signal.SIGALRM, end)
for number in range(1500):
    try:
        with Threads(2) as threads:
            signal.setitimer(signal.ITIMER_REAL, 0.0005 + number % 7 * 0.0001)
            while True:
                threads.submit(len, b"").result()
    except SystemExit:
        pass
"""


def test_results_are_in_the_order_of_the_arguments() -> None:
    with Threads(4) as threads:
        assert list(threads.map(str, range(1000))) == [str(number) for number in range(1000)]


def test_an_exception_is_raised_with_the_result() -> None:
    with Threads() as threads:
        failed, succeeded = threads.submit(int, "x"), threads.submit(int, "7")
        with pytest.raises(ValueError, match="invalid literal"):
            failed.result()
        assert succeeded.result() == 7


def test_calls_that_wait_are_dropped_at_the_end() -> None:
    running, go_on = threading.Event(), threading.Event()
    called: list[int] = []

    def first() -> None:
        running.set()
        go_on.wait(60)

    with Threads() as threads:
        call = threads.submit(first)
        threads.submit(called.append, 1)
        assert running.wait(60)
    go_on.set()
    call.result()
    assert called == []


def test_a_signal_at_any_moment_leaves_no_lock_held() -> None:
    child = subprocess.run([sys.executable, "-c", INTERRUPTED], timeout=60)
    assert child.returncode == 0
