"""A storage's tree in memory, for a storage whose own code has to run.

What the storage reads, saves and deletes is there, and nothing is written. Code that would look at
the disk itself ends with `NeedsDisk`, before anything is written.
"""

from __future__ import annotations

import errno
import io
import json
import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage

from buildstatic.collect.publish import OutputFile
from buildstatic.collect.references import QuickPattern
from buildstatic.collect.storages.adapter import PACKAGES, Adapter
from buildstatic.collect.storages.manifest import ManifestInMemory, replaced_attributes
from buildstatic.collect.workers.file_tasks import digest

_MAX_COMPONENT = 255  # bytes; NAME_MAX of Linux


# What was read: by the identity of the source's storage and the name in it, the content and whether
# the file on disk is up to date.
Sources = Mapping[int, Mapping[str, tuple[OutputFile, bool]]]


class NeedsDisk(BaseException):
    """The storage's code looks at the disk. No Exception, so that this code does not catch it."""


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
                self._opened = io.BytesIO(content)
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

    def open(self, name: str, mode: str = "rb") -> Any:
        """Return the open file *name*."""
        stored = self._stored.get(name)
        if stored is None or mode != "rb" or not stored.path:
            return self._storage.open(name, mode)
        return StoredFile(stored, stored.path)


@dataclass
class MemoryTree:
    """The tree of *storage*, at first with the files *existing* on disk that may stay.

    *shows_directories*: directories on disk stay, too. *strong*: `OutputFile.identity` is needed.
    *files* are the contents by name; *removed* are the names that were on disk and are deleted;
    *processed* are the names that ``post_process`` has made. *compressed* are those that the
    storage would compress, None if it does not.
    """

    storage: Any
    existing: frozenset[str]
    shows_directories: bool
    strong: bool
    files: dict[str, OutputFile] = field(default_factory=dict)
    directories: set[str] = field(default_factory=lambda: {"."})
    removed: set[str] = field(default_factory=set)
    processed: set[str] = field(default_factory=set)
    compressed: set[str] | None = None
    needs_disk: str = ""
    by_digest: dict[tuple[str, int], OutputFile] = field(default_factory=dict)
    manifest: bytes | None = None
    last: tuple[bytes, str] = (b"", "d41d8cd98f00b204e9800998ecf8427e")

    def __post_init__(self) -> None:
        self.disk = FileSystemStorage(location=self.storage.location)
        self.root: str = self.disk.location
        self.overwrites = bool(getattr(self.storage, "_allow_overwrite", False))

    def sources(self, read: Iterable[tuple[Any, str, OutputFile, bool]]) -> Sources:
        """Return what was *read*, by storage and name, and remember the digests."""
        sources: dict[int, dict[str, tuple[OutputFile, bool]]] = {}
        for storage, name, stored, is_unmodified in read:
            self.by_digest.setdefault((stored.digest, stored.size), stored)
            sources.setdefault(id(storage), {})[name] = stored, is_unmodified
        return sources

    def fail(self, reason: str) -> NoReturn:
        """Raise `NeedsDisk`, and remember it, as bare ``except`` clauses catch everything."""
        self.needs_disk = self.needs_disk or reason
        raise NeedsDisk(reason)

    def normalized(self, name: Any) -> str:
        """Return *name* relative to the root; SuspiciousFileOperation if it is outside."""
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

    def add(self, name: str, stored: OutputFile) -> None:
        """Add the file *name*; its directories are created."""
        self.files[name] = stored
        while (name := posixpath.dirname(name) or ".") not in self.directories:
            if name in self.files:
                self.fail("it uses a file as a directory")
            self.directories.add(name)

    def save(self, name: Any, content: Any) -> str:
        """Do what ``FileSystemStorage._save`` does."""
        path = self.normalized(name)
        while self.exists(path) and not (self.overwrites and path in self.files):
            path = self.normalized(self.storage.get_available_name(path))
        if any(len(os.fsencode(part)) > _MAX_COMPONENT for part in path.split("/")):
            self.fail("it saves a file with a long name")
        if hasattr(content, "temporary_file_path"):
            self.fail("it moves a file into the tree")
        if isinstance(content, StoredFile):
            self.add(path, content.stored)
            return path
        data, md5 = self.hashed(content)
        known = self.by_digest.get((md5, len(data)))
        self.add(path, known or OutputFile((), md5, "", len(data), content=data))
        return path

    def hashed(self, content: Any) -> tuple[bytes, str]:
        """Return the bytes of *content*, a file, and their MD5, which is computed only once."""
        if type(content) is ContentFile and type(content.file) is io.BytesIO:
            data = content.file.getvalue()  # the same object until it is changed
        else:
            chunks = list(content.chunks())
            if not all(isinstance(chunk, bytes) for chunk in chunks):
                self.fail("it saves text, not bytes")
            data = b"".join(chunks)
        if data is not self.last[0]:
            self.last = data, digest(data, strong=False)[0]
        return self.last

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

    @contextmanager
    def shown(self, adapter: Adapter) -> Iterator[None]:
        """Let the storage see this tree in the block, instead of the one on disk.

        What the storage defines itself stays, and is given this tree to work on.
        """
        from django.conf import settings

        storage = self.storage
        values: dict[str, Any] = {
            "exists": self.exists,
            "open": self.open,
            "_open": self.open,
            "_save": self.save,
            "delete": self.delete,
            "size": lambda name: self.open(name).size,
            "location": _Trap(self, "location"),
            "base_location": _Trap(self, "base_location"),
        }
        for name in ("path", "listdir", "get_accessed_time", "get_created_time"):
            values[name] = _Trap(self, name)
        values["get_modified_time"] = _Trap(self, "get_modified_time")
        if self.is_plain("file_hash"):
            values["file_hash"] = self.file_hash()
        if isinstance(patterns := vars(storage).get("_patterns"), dict):
            values["_patterns"] = _quick(patterns)
        if self.is_plain("_post_process"):
            post_process = storage._post_process
            values["_post_process"] = lambda paths, adjustable, hashed_files: post_process(
                paths, _Names(adjustable), hashed_files
            )
        if hasattr(storage, "post_process"):
            values["post_process"] = self.recorded(storage.post_process)
        if self.is_plain("delete_files"):
            values["delete_files"] = self.delete_files
        if adapter.complete and self.is_plain("add_stats_to_manifest"):
            values["add_stats_to_manifest"] = lambda: None
        if adapter.compression:
            self.compressed = set()
            compressor = _Compressor(adapter.compression(storage).fits, self.compressed)
            values["create_compressor"] = lambda **_: compressor
        kept_manifest = getattr(storage, "manifest_storage", storage)
        keeper = ManifestInMemory(self.fail)
        if kept_manifest is not storage:
            values["manifest_storage"] = keeper
        with ExitStack() as stack:
            stack.enter_context(replaced_attributes(storage, values))
            if hasattr(settings, "STATIC_ROOT"):
                stack.callback(setattr, settings, "STATIC_ROOT", settings.STATIC_ROOT)
                settings.STATIC_ROOT = _Trap(self, "STATIC_ROOT")
            try:
                yield
            except Exception:
                if not self.needs_disk:
                    raise
        if self.needs_disk:
            raise NeedsDisk(self.needs_disk)
        self.take_manifest(kept_manifest, keeper)

    def is_plain(self, name: str) -> bool:
        """Tell whether *name* is a method of the installed packages."""
        function = getattr(type(self.storage), name, None)
        module = getattr(function, "__globals__", {}).get("__name__", "")
        return module.partition(".")[0] in PACKAGES and name not in vars(self.storage)

    def file_hash(self) -> Callable[..., Any]:
        """Return the storage's ``file_hash``, which does not hash again what has been hashed."""
        original = self.storage.file_hash
        sample = b"sample"
        if original("", ContentFile(sample)) != digest(sample, strong=False)[0][:12]:
            return original  # type: ignore[no-any-return]

        def file_hash(name: Any, content: Any = None) -> Any:
            if isinstance(content, StoredFile):
                return content.stored.digest[:12]
            if type(content) is ContentFile and type(content.file) is io.BytesIO:
                return self.hashed(content)[1][:12]
            return original(name, content)

        return file_hash

    def recorded(self, post_process: Callable[..., Any]) -> Callable[..., Any]:
        """Return *post_process*, which adds to *processed*."""

        def recording(*arguments: Any, **options: Any) -> Iterator[Any]:
            for each in post_process(*arguments, **options):
                if isinstance(each, tuple) and len(each) == 3 and isinstance(each[1], str):
                    self.processed.add(each[1])
                yield each

        return recording

    def take_manifest(self, manifest_storage: Any, keeper: ManifestInMemory) -> None:
        """Take the manifest out of the tree, as it is written last."""
        if manifest_storage is not self.storage:
            self.manifest = keeper.content if keeper.is_saved else None
        elif (name := getattr(self.storage, "manifest_name", None)) and name in self.files:
            stored = self.files.pop(name)
            with StoredFile(stored, name) as file:
                self.manifest = file.read()
        if self.manifest is not None:
            self.manifest = _sorted_manifest(self.manifest)

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
                identity = digest(stored.content or b"", strong=True)[1]
            found.append(replace(stored, names=tuple(names[key]), identity=identity))
        return found


def _quick(patterns: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``HashedFilesMixin._patterns`` with patterns that search less."""
    return {
        extension: [
            (QuickPattern(each[0]), *each[1:])
            if isinstance(each, tuple) and isinstance(each[0], re.Pattern)
            else each
            for each in of_extension
        ]
        for extension, of_extension in patterns.items()
    }


class _Names(list[str]):
    """A list of names in which ``in`` does not search."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__(names)
        self.names = frozenset(names)

    def __contains__(self, name: object) -> bool:
        return name in self.names


class _Compressor:
    """Stands in for WhiteNoise's and ServeStatic's; adds to *names* what they would compress."""

    def __init__(self, fits: Callable[[str], bool], names: set[str]) -> None:
        self.fits = fits
        self.names = names

    def should_compress(self, name: str) -> bool:
        if self.fits(name):
            self.names.add(name)
        return False

    def compress(self, path: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()


class _Trap:
    """An attribute whose use shows that code looks at the disk."""

    def __init__(self, tree: MemoryTree, name: str) -> None:
        self.__dict__.update(_tree=tree, _name=name)

    def _used(self, *_: Any, **__: Any) -> Any:
        return self.__dict__["_tree"].fail(f"its code uses {self.__dict__['_name']}")

    __call__ = __fspath__ = __str__ = __repr__ = __format__ = __bytes__ = _used
    __truediv__ = __rtruediv__ = __add__ = __radd__ = __mod__ = __contains__ = _used
    __eq__ = __ne__ = __lt__ = __gt__ = __hash__ = _used
    __bool__ = __len__ = __iter__ = __getitem__ = __getattr__ = _used


def _sorted_manifest(content: bytes) -> bytes:
    """Return a manifest with sorted paths: before Django 6.0 they depend on the order of files."""
    try:
        payload = json.loads(content)
        if json.dumps(payload).encode() != content or not isinstance(payload["paths"], dict):
            return content
    except (ValueError, KeyError, TypeError):
        return content
    return json.dumps({**payload, "paths": dict(sorted(payload["paths"].items()))}).encode()


RunOwnCode = Callable[[MemoryTree, Sources], None]
