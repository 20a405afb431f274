"""What the steps say: one plain line each, to standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(text: str) -> None:
    """Print *text* as a line of ours, after what Django has printed so far."""
    sys.stdout.flush()
    print(f"buildstatic: {text}", file=sys.stderr, flush=True)


@contextmanager
def timed(done: str) -> Iterator[None]:
    """Say that it is *done*, and in how many seconds, when the block ends well."""
    began = time.monotonic()
    yield
    say(f"{done} in {time.monotonic() - began:.1f} s")


def reason(error: BaseException) -> str:
    """Return what *error* says as one line, with its class where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
