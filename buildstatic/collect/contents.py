"""Contents of files that wait to be rewritten or written: in memory, in their file or a spool."""

from __future__ import annotations

from dataclasses import dataclass

from buildstatic.collect.workers.file_tasks import read_spooled, read_unchanged


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
    """A content in the file of a spool."""

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
