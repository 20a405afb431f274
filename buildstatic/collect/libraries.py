"""Libraries of ours that the project may not have: behind everything that it has itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importable(directories: tuple[str, ...]) -> Iterator[None]:
    """Let modules be imported from *directories* while the block runs, after all others.

    Only then: a storage that tries ``import brotli`` is to find what it finds under manage.py.
    """
    added = [directory for directory in directories if directory not in sys.path]
    sys.path.extend(added)
    try:
        yield
    finally:
        for directory in added:
            sys.path.remove(directory)
