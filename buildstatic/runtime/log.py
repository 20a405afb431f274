"""The messages of the steps: one plain line each, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def log(text: str) -> None:
    """Print *text* as one line, after what Django has printed so far."""
    sys.stdout.flush()
    print(f"buildstatic: {text}", file=sys.stderr, flush=True)


@contextmanager
def timed(done: str) -> Iterator[None]:
    """Log *done* and the seconds that the block took, if it succeeds."""
    began = time.monotonic()
    yield
    log(f"{done} in {time.monotonic() - began:.1f} s")


def reason(error: BaseException) -> str:
    """Return the message of *error* on one line, or its class if it has none."""
    return " ".join(str(error).split()) or type(error).__name__
