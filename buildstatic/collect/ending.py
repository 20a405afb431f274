"""The end of a process that another one has started: with that one, whatever ends it."""

from __future__ import annotations

import signal
from contextlib import suppress

PR_SET_PDEATHSIG = 1


def end_with_the_parent() -> None:
    """Let the kernel end this process when the one that started it is killed (prctl(2)).

    Without that it would go on writing, beside the next run.
    """
    with suppress(Exception):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
