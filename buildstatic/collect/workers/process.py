"""How a worker process ends: with its parent, on SIGTERM, or in the middle of a codec's work."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Let the kernel end this process when the process *parent*, which started it, ends (prctl(2)).

    Otherwise it would go on writing while the next run writes. If *parent* has ended already, this
    process ends here, as the kernel sends no signal for that.
    """
    with contextlib.suppress(Exception):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def install_signal_handlers() -> None:
    """Make this process a worker: it ignores Ctrl-C, and SIGTERM raises SystemExit."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _exit)


def is_worker() -> bool:
    """Return whether this process is a worker."""
    return signal.getsignal(signal.SIGTERM) is _exit


@contextlib.contextmanager
def killable() -> Iterator[None]:
    """Let SIGTERM end a worker at once in the block, which must not leave anything incomplete.

    A codec cannot be interrupted by a Python signal handler, and may take a minute.
    """
    if not is_worker():
        yield
        return
    # Blocked, as a signal that arrives while its handler is replaced would be lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, _exit)


def _exit(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)
