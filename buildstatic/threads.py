"""Functions in threads, which an exception of a signal handler can interrupt at any moment.

The executors of `concurrent.futures` lock in Python code: an exception that a handler raises
between two of its lines leaves a lock held, and leaving the executor waits for ever.
`queue.SimpleQueue` locks in C.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


class Call(Generic[R]):
    """A call that a thread makes."""

    def __init__(self, function: Callable[[], R]) -> None:
        self._function = function
        self._outcome: SimpleQueue[tuple[R] | BaseException] = SimpleQueue()

    def run(self) -> None:
        """Make the call."""
        try:
            self._outcome.put((self._function(),))
        except BaseException as error:
            self._outcome.put(error)

    def result(self) -> R:
        """Wait for the result, and return it; raises what the function raised. Call it once."""
        outcome = self._outcome.get()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome[0]


class Threads:
    """*count* threads. Use it in a ``with`` statement: at its end, calls that wait are dropped.

    A call that runs then is not waited for, unless its result was.
    """

    def __init__(self, count: int = 1) -> None:
        self._calls: SimpleQueue[Call[Any] | None] = SimpleQueue()
        self._count = count

    def __enter__(self) -> Threads:
        for _ in range(self._count):
            threading.Thread(target=self._run, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Empty):
            while True:
                self._calls.get_nowait()
        for _each in range(self._count):
            self._calls.put(None)

    def submit(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        """Have a thread call *function*, after what was submitted before."""
        call = Call(partial(function, *args, **kwargs))
        self._calls.put(call)
        return call

    def map(self, function: Callable[[T], R], arguments: Iterable[T]) -> Iterator[R]:
        """Submit a call for each of *arguments*, and yield the results in their order."""
        calls = [self.submit(function, argument) for argument in arguments]
        return (call.result() for call in calls)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call.run()
