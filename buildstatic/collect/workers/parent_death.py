"""The end of a process that another one has started: with that one, whatever ends it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

PR_SET_PDEATHSIG = 1


def end_with_the_parent(parent: int) -> None:
    """Let the kernel end this process when *parent*, which started it, is killed (prctl(2)).

    Without that it would go on writing, beside the next run. It ends here where *parent* has ended
    already, for the kernel tells of no end that was before.
    """
    with suppress(Exception):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
