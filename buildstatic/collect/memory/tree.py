"""The tree in memory: what it has, and what a storage reads, saves and deletes in it."""

from __future__ import annotations

import errno
import io
import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, NoReturn

from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage

from buildstatic.collect.contents import Content, FileContent
from buildstatic.collect.memory.files import StoredFile
from buildstatic.collect.needles import is_adjustable
from buildstatic.collect.publish import OutputFile
from buildstatic.collect.reading import Reading
from buildstatic.collect.spool import Spool
from buildstatic.collect.storages.adapter import PACKAGES
from buildstatic.collect.storages.called import HOOKS, NAMING, STATS
from buildstatic.collect.tree import NAME_MAX
from buildstatic.collect.workers.file_tasks import digest

# What was read: by the identity of the source's storage and the name in it, the content and whether
# the file on disk is up to date.
Sources = Mapping[int, Mapping[str, tuple[OutputFile, bool]]]


class NeedsDisk(BaseException):
    """The storage's code looks at the disk. No Exception, so that this code does not catch it."""


class NeedsLoop(BaseException):
    """The storage's code uses the tree while Django's loop would have only part of it."""


@dataclass
class MemoryTree:
    """The tree of *storage*, at first with the files *existing* on disk that may stay.

    *shows_directories*: directories on disk stay, too. *strong*: `OutputFile.identity` is needed.
    *files* are the contents by name; *removed* are the names that were on disk and are deleted;
    *processed* are the names that ``post_process`` has made. *compressed* are those that the
    storage would compress, None if it does not. *plain* are the methods of `HOOKS`, `NAMING` and
    `STATS` that the installed packages have defined. *references* are the contents of the sources
    that the storage rewrites, by digest, size and suffix: None if they refer to nothing. What is
    saved is kept in *spool*.
    """

    storage: Any
    existing: frozenset[str]
    shows_directories: bool
    strong: bool
    spool: Spool
    files: dict[str, OutputFile] = field(default_factory=dict)
    directories: set[str] = field(default_factory=lambda: {"."})
    removed: set[str] = field(default_factory=set)
    processed: set[str] = field(default_factory=set)
    compressed: set[str] | None = None
    needs_disk: str = ""
    needs_loop: bool = False
    is_unused: bool = False
    plain: frozenset[str] = frozenset()
    references: dict[tuple[str, int, str], Content | None] = field(default_factory=dict)
    by_digest: dict[tuple[str, int], OutputFile] = field(default_factory=dict)
    manifest: bytes | None = None
    last: tuple[bytes, str] = (b"", "d41d8cd98f00b204e9800998ecf8427e")

    def __post_init__(self) -> None:
        self.lock = RLock()
        self.disk = FileSystemStorage(location=self.storage.location)
        self.root: str = self.disk.location
        self.overwrites = bool(getattr(self.storage, "_allow_overwrite", False))
        self.plain = frozenset(filter(self.is_plain, HOOKS | NAMING | STATS))

    def sources(self, readings: Iterable[Reading]) -> Sources:
        """Return what was read, by storage and name, and remember the digests and references."""
        sources: dict[int, dict[str, tuple[OutputFile, bool]]] = {}
        rewrites = hasattr(self.storage, "_patterns")
        for reading in readings:
            stored, source = reading.file, reading.source
            self.by_digest.setdefault((stored.digest, stored.size), stored)
            of_storage = sources.setdefault(id(source.storage), {})
            of_storage[source.name] = stored, reading.is_unmodified
            if rewrites and is_adjustable(self.storage, source.path):
                self.references[_key(stored, source.path)] = reading.content
        return sources

    def referring(self, name: str, stored: OutputFile) -> Content | None:
        """Return the content of *stored*, None if a file of this *name* refers to nothing."""
        key = _key(stored, name)
        if key not in self.references:
            in_file = FileContent(stored.path, stored.size, stored.modified)
            self.references[key] = in_file if stored.content is None else stored.content
        return self.references[key]

    def fail(self, reason: str) -> NoReturn:
        """Raise `NeedsDisk`, and remember it, as bare ``except`` clauses catch everything."""
        self.needs_disk = self.needs_disk or reason
        raise NeedsDisk(reason)

    def fail_loop(self) -> NoReturn:
        """Raise `NeedsLoop`, and remember it."""
        self.needs_loop = True
        raise NeedsLoop

    @contextmanager
    def unused(self) -> Iterator[None]:
        """Raise `NeedsLoop` if the tree is used in the block, or if the block is not ended."""
        self.is_unused = True
        yield
        self.is_unused = False

    def normalized(self, name: Any) -> str:
        """Return *name* relative to the root; SuspiciousFileOperation if it is outside.

        The storage's code gets at no file without this.
        """
        if self.is_unused:
            self.fail_loop()
        if not isinstance(name, str):
            name = os.path.relpath(self.disk.path(name), self.root)  # or the error that Django has
        if "\0" in name or "\\" in name:
            self.fail("it names a file in an unusual way")
        path = posixpath.normpath(name)
        if path.startswith(("/", "..")):
            path = os.path.relpath(self.disk.path(name), self.root)
        return str(path)

    def is_on_disk(self, name: str) -> bool:
        """Tell whether *name* is a file that only the tree on disk has."""
        return name in self.existing and name not in self.removed and name not in self.files

    def exists(self, name: Any) -> bool:
        """Tell whether *name* is a file or a directory."""
        name = self.normalized(name)
        if name in self.files or name in self.directories or self.is_on_disk(name):
            return True
        return self.is_directory_on_disk(name)

    def is_directory_on_disk(self, name: str) -> bool:
        """Tell whether the tree on disk has the directory *name*, which stays."""
        return self.shows_directories and os.path.isdir(f"{self.root}/{name}")

    def digest(self, name: str) -> str | None:
        """Return the MD5 of the file *name*, None if only the tree on disk has it."""
        stored = self.files.get(name)
        return stored.digest if stored else None

    def open(self, name: Any, mode: str = "rb") -> Any:
        """Do what ``FileSystemStorage.open`` does, for reading."""
        name = self.normalized(name)
        if mode not in ("r", "rb", "rt"):
            self.fail(f"it opens a file with mode {mode!r}")
        path = f"{self.root}/{name}"
        stored = self.files.get(name)
        if stored is not None:
            file = StoredFile(stored, path)
            return file if mode == "rb" else File(io.TextIOWrapper(file.file), path)
        if name in self.directories:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if self.is_on_disk(name) or self.is_directory_on_disk(name):
            return self.disk.open(name, mode)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    def listdir(self, path: Any) -> tuple[list[str], list[str]]:
        """Do what ``FileSystemStorage.listdir`` does; the names are sorted."""
        path = self.normalized(path)
        if self.shows_directories:
            self.fail("it lists directories")
        if path not in self.directories:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        directories = self.directories - {"."}
        return _names_in(path, directories), _names_in(path, self.files)

    def add(self, name: str, stored: OutputFile) -> None:
        """Add the file *name*; its directories are created."""
        self.files[name] = stored
        while (name := name.rpartition("/")[0] or ".") not in self.directories:
            if name in self.files:
                self.fail("it uses a file as a directory")
            self.directories.add(name)

    def save(self, name: Any, content: Any) -> str:
        """Do what ``FileSystemStorage._save`` does; threads of a storage may save at once."""
        with self.lock:
            return self._save(name, content)

    def _save(self, name: Any, content: Any) -> str:
        path = self.normalized(name)
        while self.exists(path) and not (self.overwrites and path in self.files):
            path = self.normalized(self.available_name(path))
        if hasattr(content, "temporary_file_path"):
            self.fail("it moves a file into the tree")
        if isinstance(content, StoredFile):
            self.put(path, content.stored)
            return path
        data, md5 = self.hashed(content)
        stored = self.by_digest.get((md5, len(data)))
        if stored is None:
            stored = OutputFile((), md5, "", len(data), content=self.spool.keep(data))
            self.by_digest[md5, len(data)] = stored
        self.put(path, stored)
        return path

    @property
    def keeps_names(self) -> bool:
        """Whether a file is saved under its own name if there is none of that name."""
        return self.plain >= NAMING

    def available_name(self, name: str) -> str:
        """Return the name under which the storage would save a file *name*."""
        return str(self.storage.get_available_name(name))

    def put(self, path: str, stored: OutputFile) -> None:
        """Add the file *path* as a storage does that saves it."""
        encoded = os.fsencode(path)
        if len(encoded) > NAME_MAX and max(map(len, encoded.split(b"/"))) > NAME_MAX:
            self.fail("it saves a file with a long name")
        self.add(path, stored)

    def known(self, stored: OutputFile) -> OutputFile:
        """Return the source with the content of *stored*, if there is one."""
        return self.by_digest.get((stored.digest, stored.size), stored)

    def hashed(self, content: Any) -> tuple[bytes, str]:
        """Return the bytes of *content*, a file, and their MD5, which is computed only once."""
        if type(content) is ContentFile and type(content.file) is io.BytesIO:
            data = content.file.getvalue()  # the same object until it is changed
        else:
            chunks = list(content.chunks())
            if not all(isinstance(chunk, bytes) for chunk in chunks):
                self.fail("it saves text, not bytes")
            data = b"".join(chunks)
        last = self.last
        if data is not last[0]:
            last = self.last = data, digest(data, strong=False)[0]
        return last

    def delete(self, name: Any) -> None:
        """Do what ``FileSystemStorage.delete`` does, for a file."""
        if not name:
            raise ValueError("The name must be given to delete().")
        name = self.normalized(name)
        is_file = name in self.files or name in self.existing
        if name in self.directories or (not is_file and self.is_directory_on_disk(name)):
            self.fail("it deletes a directory")
        self.files.pop(name, None)
        if name in self.existing:
            self.removed.add(name)

    def delete_files(self, names: Iterable[str]) -> None:
        """Do what ``delete_files`` of WhiteNoise's storages does."""
        for name in names:
            self.delete(name)

    def is_plain(self, name: str) -> bool:
        """Tell whether *name* is a method of the installed packages."""
        method = getattr(type(self.storage), name, None)
        return is_of_packages(method) and name not in vars(self.storage)

    def outputs(self) -> list[OutputFile]:
        """Return the files of the tree, each content once."""
        names: dict[int, list[str]] = {}
        contents: dict[int, OutputFile] = {}
        for name, stored in self.files.items():
            names.setdefault(id(stored), []).append(name)
            contents[id(stored)] = stored
        found = []
        for key, stored in contents.items():
            identity = stored.identity
            if self.strong and not identity:
                identity = digest(stored.read(), strong=True)[1]
            found.append(stored.named(tuple(names[key]), identity))
        return found


def _names_in(directory: str, paths: Iterable[str]) -> list[str]:
    return sorted(
        posixpath.basename(path) for path in paths if (posixpath.dirname(path) or ".") == directory
    )


def is_of_packages(function: Any) -> bool:
    """Tell whether *function* is defined in Django, WhiteNoise or ServeStatic."""
    module = getattr(function, "__globals__", {}).get("__name__", "")
    return module.partition(".")[0] in PACKAGES


def _key(stored: OutputFile, name: str) -> tuple[str, int, str]:
    return stored.digest, stored.size, posixpath.splitext(name)[1] or name
