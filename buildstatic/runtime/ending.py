"""What ends the steps from outside: a signal, or the loss of what they stand on.

A handler of Python's runs between two steps of the interpreter, which never comes while a driver
written in C waits for its database. So a thread is told too, by the descriptor that the signal is
written to (docs.python.org/3/library/signal.html, ``set_wakeup_fd``), and ends the process where
the main thread has not ended by itself within `GRACE`. The kernel then closes the connections,
and with them goes the lock. As PID 1 of a container there would be no ending without a handler.
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
    """The process is to end with *status*.

    Drivers cancel the statement that they wait for when it is Ctrl-C that interrupts them.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Ending:
    status: int | None = None
    is_deaf: bool = False


def listen() -> None:
    """Let the signals that end a process raise `Ended` in the main thread, which this is called in.

    One that is ignored stays so, as under nohup.
    """
    _Ending.is_deaf = signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _raise)
    threading.Thread(target=_watch, args=(reading,), daemon=True).start()


def end(status: int) -> None:
    """End the process with *status*, from whatever thread; at once if it ignores signals."""
    _Ending.status = status
    if _Ending.is_deaf:
        os._exit(status)
    os.kill(os.getpid(), signal.SIGTERM)


def _raise(number: int, _: FrameType | None) -> NoReturn:
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise Ended(_status(number))


def _status(number: int) -> int:
    return 128 + number if _Ending.status is None else _Ending.status


def _watch(reading: int) -> None:
    while (number := os.read(reading, 1)[0]) not in SIGNALS:
        pass
    time.sleep(GRACE)
    os._exit(_status(number))
