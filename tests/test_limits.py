"""The limits of tests: they hold, and only in their block."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.limits import limited


def run(action: Callable[[], object], *, seconds: float = 60) -> None:
    with limited(seconds, megabytes=64):
        action()


def test_time_and_memory_are_limited_in_the_block() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"longer than 0\.2"):
        run(lambda: time.sleep(30), seconds=0.2)
    with pytest.raises(MemoryError):
        run(lambda: bytes(128 << 20))
    run(lambda: None, seconds=0.2)
    time.sleep(0.3)
    assert len(bytes(128 << 20))
