"""A command from its first step to its exit code."""

from __future__ import annotations

import signal

from buildstatic.runtime import ending
from buildstatic.runtime.log import say
from buildstatic.runtime.options import RELEASE, Wishes


def run(name: str, wishes: Wishes) -> int:
    """Run the command *name* and return its exit code; ``start`` returns only if it fails.

    A signal that ends it gives 128 and its number. Raises a `BuildstaticError` of the steps.
    """
    ending.listen()
    try:
        if name == RELEASE.name:
            from buildstatic.runtime.release import release

            release(wishes)
        else:
            from buildstatic.runtime.start import start

            start(wishes)
    except ending.Ended as ended:
        if ended.status > 128:
            say(f"ended by {signal.Signals(ended.status - 128).name}")
        return ended.status
    return 0
