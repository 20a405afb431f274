"""Whether two sources have one content, with no more read of them than it takes to tell."""

from __future__ import annotations

import os
from contextlib import ExitStack

from buildstatic.collect.reading import local_path
from buildstatic.collect.sources import Source
from buildstatic.collect.workers.read_task import PIECE, open_regular


def differ(one: Source, other: Source) -> bool:
    """Tell whether two sources have different content; not so where one cannot be read."""
    try:
        paths = local_path(one), local_path(other)
        return _files_differ(*paths) if all(paths) else one.read() != other.read()
    except Exception:
        # Django never opens a file that is shadowed, so it must not fail the run here.
        return False


def _files_differ(one: str, other: str) -> bool:
    with ExitStack() as closing:
        descriptors: list[int] = []
        sizes: set[int] = set()
        for path in (one, other):
            descriptor, found = open_regular(path)
            closing.callback(os.close, descriptor)
            descriptors.append(descriptor)
            sizes.add(found.st_size)
        return len(sizes) > 1 or _contents_differ(*descriptors)


def _contents_differ(one: int, other: int) -> bool:
    while piece := os.read(one, PIECE):
        if os.read(other, len(piece)) != piece:
            return True
    return False
