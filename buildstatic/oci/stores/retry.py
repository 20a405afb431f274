"""Tries again what may succeed a moment later, a bounded number of times."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from buildstatic.errors import BuildstaticError

ATTEMPTS = 5
FIRST = 0.5  # seconds, doubled each time
LONGEST = 60.0  # seconds, of what a registry may ask for

T = TypeVar("T")


class Again(Exception):
    """What failed may succeed after *seconds*; if it never does, *failure* is raised."""

    def __init__(self, failure: BuildstaticError, seconds: float | None = None) -> None:
        super().__init__(failure, seconds)
        self.failure = failure
        self.seconds = seconds


def patiently(action: Callable[[], T]) -> T:
    """Return what *action* returns, called anew each time that it raises Again."""
    for attempt in range(ATTEMPTS):
        try:
            return action()
        except Again as again:
            wait = FIRST * 2**attempt if again.seconds is None else again.seconds
            if attempt == ATTEMPTS - 1 or wait > LONGEST:
                raise again.failure from again.__cause__
            time.sleep(wait)
    raise AssertionError


def retry_after(value: str | None) -> float | None:
    """Return the seconds in a Retry-After header, None for none (RFC 9110, 10.2.3)."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    if until.tzinfo is None:
        return None
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
