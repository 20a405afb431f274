"""The lock under which one of several processes migrates a database, and the others wait.

A thread owns its connection: it takes the lock, shows every `CHECK` that its holder lives, and ends
the process where the lock is gone. The main thread waits, and hears signals.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from buildstatic.errors import BuildstaticError, LockFailed
from buildstatic.runtime import databases, ending, locks
from buildstatic.runtime.log import reason, say

PAUSE = 0.2  # seconds
CHECK = 5.0
AGAIN = 30.0
FREE = 5.0
SOON = 1.0
FIRST = 10.0
UNKNOWN = "no answer yet"
ELSEWHERE = "another process has it"


@contextmanager
def locked(alias: str, seconds: float) -> Iterator[None]:
    """Hold the lock of the database *alias* in the block; wait at most *seconds* for it,
    but for the answer to the first try.

    Raises `LockFailed` after them; `DatabaseInvalid`. Where the lock is lost in the block, the
    process ends with the exit code of `LockFailed`: nobody is to migrate without it.
    """
    holder = _Holder(alias)
    holder.start()
    try:
        _await(holder, seconds)
        yield
    finally:
        holder.stop.set()
        holder.join(FREE)


def _await(holder: _Holder, seconds: float) -> None:
    began = time.monotonic()
    said = began - AGAIN + SOON
    while not holder.settled.wait(PAUSE):
        now = time.monotonic()
        if now - began >= (max(seconds, FIRST) if holder.why is UNKNOWN else seconds):
            raise _not_taken(holder, seconds)
        if now - said >= AGAIN:
            say(f"waiting for the lock of {databases.words(holder.alias)}: {holder.why}")
            said = now
    if holder.error is not None:
        raise holder.error
    if said >= began:
        say(f"waited {time.monotonic() - began:.1f} s for the lock")


def _not_taken(holder: _Holder, seconds: float) -> LockFailed:
    where = databases.words(holder.alias)
    problem = f"The lock of {where} was not to be had in {seconds:g} s: {holder.why}."
    return LockFailed(problem, "--lock-timeout waits longer.")


class _Holder(threading.Thread):
    """Takes the lock of a database, and holds it until it is told to stop.

    *settled* is set when it has the lock, or when *error* says why it never will. *why* says why it
    has not got it yet.
    """

    def __init__(self, alias: str) -> None:
        super().__init__(daemon=True)
        self.alias = alias
        self.settled = threading.Event()
        self.stop = threading.Event()
        self.error: Exception | None = None
        self.why = UNKNOWN

    def run(self) -> None:
        try:
            while not self.stop.is_set() and not self.settled.is_set():
                self._connect()
                self.stop.wait(PAUSE)
        except Exception as error:
            self.error = error
            self.settled.set()

    def _connect(self) -> None:
        """Try with one connection, as long as that lasts."""
        connection = databases.own(self.alias)
        lock = None
        try:
            lock = locks.KINDS[connection.vendor](connection)
            self._try(lock)
        except BuildstaticError:
            raise
        except Exception as error:
            self._fail(error)
        finally:
            with suppress(Exception):
                lock.free() if lock else connection.close()

    def _try(self, lock: locks.Lock) -> None:
        while not lock.take():
            self.why = ELSEWHERE
            if self.stop.wait(PAUSE):
                return
        self.settled.set()
        while not self.stop.wait(CHECK):
            lock.check()

    def _fail(self, error: Exception) -> None:
        self.why = reason(error).removesuffix(".")
        if self.stop.is_set():
            return
        if self.settled.is_set():
            _lost(self.alias, self.why)


def _lost(alias: str, why: str) -> None:
    problem = f"The lock of {databases.words(alias)} was lost while it was migrated: {why}."
    error: BuildstaticError = LockFailed(
        problem, "What was not committed is taken back; start anew."
    )
    print(f"error: {error}", file=sys.stderr, flush=True)
    ending.end(error.exit_code)
