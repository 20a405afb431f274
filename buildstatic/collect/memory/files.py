"""Files whose content was read before: a storage's code opens them at no cost."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from django.core.files.base import File

from buildstatic.collect.contents import read_content
from buildstatic.collect.publish import OutputFile


class StoredFile(File):  # type: ignore[misc]
    """A file with the content of *stored*, called *name*; it is opened when it is read."""

    def __init__(self, stored: OutputFile, name: str) -> None:
        self.stored = stored
        self.name = name
        self.mode = "rb"
        self.size = stored.size
        self._opened: Any = None
        self._is_closed = False

    @property
    def file(self) -> Any:
        """The open file."""
        if self._opened is None:
            content = self.stored.content
            if content is None:
                self._opened = open(self.stored.path, "rb")  # noqa: SIM115
            else:
                self._opened = io.BytesIO(read_content(content))
        return self._opened

    @file.setter
    def file(self, value: Any) -> None:
        self._opened = value
        self._is_closed = False

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._is_closed

    def open(self, mode: str | None = None) -> StoredFile:  # noqa: ARG002
        """Return to the beginning; open it again if it was closed."""
        if self._is_closed:
            self._opened, self._is_closed = None, False
        self.seek(0)
        return self

    def seek(self, position: int, whence: int = 0) -> int:
        """Change the position; return it."""
        if self._opened is None and not position and not whence:
            return 0
        return int(self.file.seek(position, whence))

    def close(self) -> None:
        """Close the file if it is open."""
        self._is_closed = True
        if self._opened is not None:
            self._opened.close()


class SourceStorage:
    """A finder's *storage*, whose files were read: opening one of *stored* costs nothing."""

    def __init__(self, storage: Any, stored: Mapping[str, OutputFile]) -> None:
        self._storage = storage
        self._stored = stored

    @property
    def identity(self) -> int:
        """The identity of the finder's storage."""
        return id(self._storage)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self._storage)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def stored(self, name: str) -> OutputFile | None:
        """Return the content of the file *name* if it was read."""
        return self._stored.get(name)

    def open(self, name: str, mode: str = "rb") -> Any:
        """Return the open file *name*."""
        stored = self._stored.get(name)
        if stored is None or mode != "rb" or not stored.path:
            return self._storage.open(name, mode)
        return StoredFile(stored, stored.path)
