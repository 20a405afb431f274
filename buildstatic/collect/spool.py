"""Keep contents that wait to be written: small ones in memory, others in a file without a name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from tempfile import TemporaryFile

from buildstatic.atomic import PREFIX
from buildstatic.collect.contents import Content, SpooledContent
from buildstatic.collect.workers.file_tasks import SMALL

# Bytes of all contents that are kept in memory.
IN_MEMORY = 64 << 20


@contextmanager
def open_spool(directory: str | None = None) -> Iterator[Spool]:
    """Yield a `Spool` with a file in *directory*.

    As the file has no name, nothing remains of it when the processes that have it open end.
    """
    try:
        file = TemporaryFile(prefix=PREFIX, dir=directory, buffering=0)  # noqa: SIM115
    except OSError:  # a tree that cannot be written may not have to be
        file = TemporaryFile(buffering=0)  # noqa: SIM115
    try:
        yield Spool(file.fileno())
    finally:
        with suppress(OSError):
            file.close()


@dataclass
class Spool:
    """Contents of *in_memory* bytes, and *size* bytes of others in the file *descriptor*."""

    descriptor: int
    size: int = 0
    in_memory: int = 0

    def has_room(self, size: int) -> bool:
        """Tell whether a content of *size* may be kept in memory, where it then counts."""
        if size > SMALL or self.in_memory + size > IN_MEMORY:
            return False
        self.in_memory += size
        return True

    def keep(self, content: bytes) -> Content:
        """Return *content*, which is written to the file unless there is room in memory."""
        if self.has_room(len(content)):
            return content
        kept = SpooledContent(self.descriptor, self.size, len(content))
        view = memoryview(content)
        while view:
            written = os.pwrite(self.descriptor, view, self.size)
            view = view[written:]
            self.size += written
        return kept
