"""Contents of files that wait to be rewritten or written: small ones in memory, others on disk."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from types import TracebackType

from buildstatic.atomic import PREFIX
from buildstatic.collect.workers.file_tasks import SMALL, read_spooled, read_unchanged

# Bytes of all contents that are kept in memory.
IN_MEMORY = 64 << 20


@dataclass(frozen=True, slots=True)
class FileContent:
    """The content of a source, which must still have the *size* and the time *modified* (ns)."""

    path: str
    size: int
    modified: int

    def read(self) -> bytes:
        """Return the content; raises OSError."""
        return b"".join(read_unchanged(self.path, self.size, self.modified))


@dataclass(frozen=True, slots=True)
class SpooledContent:
    """A content in the file of a `Spool`."""

    descriptor: int
    offset: int
    size: int

    def read(self) -> bytes:
        """Return the content; raises OSError."""
        return b"".join(read_spooled(self.descriptor, self.offset, self.size))


Content = bytes | FileContent | SpooledContent


def read_content(content: Content) -> bytes:
    """Return the bytes of *content*; raises OSError."""
    return content if isinstance(content, bytes) else content.read()


def content_size(content: Content) -> int:
    """Return the number of bytes of *content*."""
    return len(content) if isinstance(content, bytes) else content.size


class Spool:
    """A file without a name, in *directory*, for contents that would take too much memory.

    As it has no name, nothing remains of it when the processes that have it open end.
    """

    def __init__(self, directory: str | None = None) -> None:
        try:
            self.file = TemporaryFile(prefix=PREFIX, dir=directory, buffering=0)  # noqa: SIM115
        except OSError:  # a tree that cannot be written may not have to be
            self.file = TemporaryFile(buffering=0)  # noqa: SIM115
        self.descriptor = self.file.fileno()
        self.size = 0
        self.in_memory = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self.file.close()

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
