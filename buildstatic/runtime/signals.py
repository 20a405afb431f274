"""Ending the steps from outside: by a signal, or when the lock is lost.

Python runs signal handlers between two bytecode instructions, which never happens while a driver
written in C waits for its database. So a thread also receives each signal, through
``signal.set_wakeup_fd``, and ends the process if the main thread has not ended within `GRACE`. The
kernel then closes the connections, which frees the lock. As PID 1 of a container, a process without
a handler would ignore the signal.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType
from typing import NoReturn

GRACE = 2.0  # seconds
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Ended(KeyboardInterrupt):
    """The process must exit with *status*.

    A KeyboardInterrupt, because drivers cancel the running statement when one is raised.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _State:
    exit_status: int | None = None
    ignores_sigterm: bool = False


def install_handlers() -> None:
    """Make the signals that end a process raise `Ended`; call it in the main thread.

    A signal that is ignored, as under nohup, stays ignored.
    """
    _State.ignores_sigterm = signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _raise_ended)
    threading.Thread(target=_watch, args=(reading,), daemon=True).start()


def end_process(status: int) -> None:
    """End the process with *status*, from any thread; at once if it ignores SIGTERM."""
    _State.exit_status = status
    if _State.ignores_sigterm:
        os._exit(status)
    os.kill(os.getpid(), signal.SIGTERM)


def _raise_ended(number: int, _: FrameType | None) -> NoReturn:
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise Ended(_status(number))


def _status(number: int) -> int:
    return 128 + number if _State.exit_status is None else _State.exit_status


def _watch(reading: int) -> None:
    while (number := os.read(reading, 1)[0]) not in SIGNALS:
        pass
    time.sleep(GRACE)
    os._exit(_status(number))
