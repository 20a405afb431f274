"""Fingerprint the collected files: their names by content, and the references in them.

Names and bytes are those of the installed Django's ``HashedFilesMixin.post_process``, which reads
and writes all adjustable files up to six times. Here a file is rewritten only when a name that it
refers to has changed, and nothing but the manifest is written: the storage is shown its tree as it
will be.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from buildstatic.collect.contents import Content, read_content
from buildstatic.collect.hashed_names import Digest, HashedNames, is_plain
from buildstatic.collect.known_results import KnownResults
from buildstatic.collect.needles import is_adjustable
from buildstatic.collect.references import (
    BrokenReference,
    BrokenReferences,
    NameLookup,
    rewrite,
)
from buildstatic.collect.spool import Spool
from buildstatic.collect.storages.attributes import replaced_attributes
from buildstatic.collect.workers.file_tasks import digest


class Kept(Enum):
    """What remains in the tree besides the collected files; ``--clear`` keeps directories."""

    FILES = "files and directories"
    DIRECTORIES = "directories"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Original:
    """A source as it was read, to be collected as *name*; *path* is its name in its storage.

    *digest* is the content's MD5, *identity* its SHA-256 (empty if not needed), *size* its bytes;
    *content* is None if it contains no references.
    """

    name: str
    path: str
    digest: str
    identity: str
    size: int
    content: Content | None


@dataclass(frozen=True)
class Fingerprinted:
    """A file under its fingerprinted name; *content* is None if it equals the original's.

    *digest*, *identity* and *size* are as in `Original`. *is_taken*: a source has this very name
    and is kept: post_process replaces it only if it rewrites the file.
    """

    name: str
    digest: str
    identity: str
    size: int
    content: Content | None = None
    is_taken: bool = False


class TreeView(Protocol):
    """The tree of a storage as the storage sees it before the fingerprinted files are there.

    Names are relative to the root, once they are *normalized*.
    """

    def normalized(self, name: str) -> str:
        """Return *name* relative to the root; SuspiciousFileOperation if it is outside."""

    def exists(self, name: str) -> bool:
        """Tell whether *name* is a file or a directory."""

    def digest(self, name: str) -> str | None:
        """Return the MD5 of the file *name* if it is known."""

    def open(self, name: str, mode: str) -> Any:
        """Do what the storage's ``open`` does, for a file whose digest is not known."""


class UnresolvedReferences(Exception):
    """All references that cannot be resolved."""

    def __init__(self, broken: tuple[BrokenReference, ...]) -> None:
        super().__init__(broken)
        self.broken = broken


class CircularReferences(Exception):
    """Names that change with every pass: files that refer to each other in a cycle."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(names)
        self.names = tuple(names)


@dataclass(frozen=True)
class Fingerprints:
    """The result of fingerprinting: *files* by the names of the originals.

    *processed* (names and new names) and *skipped* (names) are what ``post_process`` reports to
    collectstatic.
    """

    files: Mapping[str, Fingerprinted]
    processed: tuple[tuple[str, str], ...]
    skipped: tuple[str, ...]


def fingerprint_files(
    storage: Any,
    originals: tuple[Original, ...],
    *,
    tree: TreeView,
    spool: Spool | None = None,
    existing: frozenset[str] = frozenset(),
    warn: Callable[[str], None] | None = None,
    own_names: bool = False,
    known: KnownResults | None = None,
) -> Fingerprints:
    """Return what ``HashedFilesMixin.post_process`` of *storage* makes of *originals*.

    *storage* is one that `recognize` knows; *existing* are the files in its *tree*. Rewritten
    contents are kept in *spool*. With *warn*, a missing source map is only a warning. With
    *own_names*, ``hashed_name`` is the project's, and computes (see `only_computes`). What is
    *known* is not computed again. Raises `UnresolvedReferences` or `CircularReferences`.
    """
    work = _Fingerprinter(storage, spool, own_names=own_names, known=known)
    with _overlay(storage, tree, work.made):
        work.run(originals, warn)
    files = {original.name: work.files[work.keys[original.name]] for original in originals}
    processed: list[tuple[str, str]] = []
    skipped: list[str] = []
    for name, item in list(files.items()):
        adjusts = is_adjustable(storage, name)
        is_taken = item.name in files and not adjusts
        if is_taken:
            files[name] = replace(item, is_taken=True)
        if adjusts or not (is_taken or item.name in existing):
            processed.append((name, item.name))
        else:
            skipped.append(name)
    return Fingerprints(files, tuple(processed), tuple(skipped))


class _Fingerprinter:
    """Run the passes of ``post_process``, skipping files whose result cannot change.

    *keys*: what the storage calls each file. *files*: what each key has become so far, at first by
    its raw content. *made*: the digests of the fingerprinted files that Django would have written
    by now. *pending*: the keys that the storage has to look for itself, as it does for all files
    that it processes later. *lookups*: the names that each file was last rewritten with.
    *own_names*: nothing about ``hashed_name`` is known but that it computes. *known* are the
    results of the last run.
    """

    def __init__(
        self, storage: Any, spool: Spool | None, *, own_names: bool, known: KnownResults | None
    ) -> None:
        self.storage = storage
        self.spool = spool
        self.own_names = own_names
        self.known = known
        self.hashed_name = HashedNames(storage, own_names=own_names)
        self.keys: dict[str, str] = {}
        self.files: dict[str, Fingerprinted] = {}
        self.made: dict[str, str] = {}
        self.pending: set[str] = set()
        self.lookups: dict[str, NameLookup] = {}
        self.broken = BrokenReferences()

    def run(self, originals: tuple[Original, ...], warn: Callable[[str], None] | None) -> None:
        ordered = sorted(originals, key=lambda o: len(o.name.split("/")), reverse=True)
        unnamed = self.name_by_raw_content(ordered)
        referring = [original for original in ordered if original.content is not None]
        if not unnamed and self.take_known(referring):
            return
        for original in ordered:  # the first pass
            if problem := unnamed.get(original.name):
                self.broken.add(problem)
                continue
            if original.content is not None:
                self.rewrite(original)
            key = self.keys[original.name]
            self.pending.discard(key)
            self.made[self.files[key].name] = self.files[key].digest
        if errors := [b for b in self.broken.kept if warn is None or not b.is_missing_map]:
            raise UnresolvedReferences(tuple(errors))
        for reference in self.broken.kept if warn else ():
            assert warn is not None
            warn(f"{reference} The line is left unchanged.")
        self.repeat_passes(referring)

    def name_by_raw_content(self, originals: Sequence[Original]) -> dict[str, BrokenReference]:
        """Name *originals*; return the problems of those that cannot be named."""
        from django.core.exceptions import SuspiciousFileOperation

        unnamed = {}
        for original in originals:
            key = self.storage.hash_key(self.storage.clean_name(original.name))
            self.keys[original.name] = key
            if self.own_names or not is_plain(original.name):
                self.pending.add(key)
            try:
                name = self.fingerprinted_name(original.name, original.digest)
            except (ValueError, SuspiciousFileOperation) as error:
                unnamed[original.name] = BrokenReference(original.name, 0, "", error)
                continue
            self.files[key] = Fingerprinted(name, original.digest, original.identity, original.size)
        return unnamed

    def take_known(self, referring: Sequence[Original]) -> bool:
        """Take what *referring* became in the last run; tell whether all of it is known."""
        results = self.known.get() if self.known else {}
        taken = {}
        for original in referring:
            if self.known is None or original.name not in results:
                return False
            md5, sha256, size = results[original.name]
            name = self.fingerprinted_name(original.name, md5)
            content = None
            if md5 != original.digest:
                content = self.known.content(name, md5, size)
                if content is None:
                    return False
            taken[self.keys[original.name]] = Fingerprinted(name, md5, sha256, size, content)
        self.files.update(taken)
        return bool(taken)

    def repeat_passes(self, referring: Sequence[Original]) -> None:
        changed: list[str] = []
        for _ in range(self.storage.max_post_process_passes):
            changed = [original.name for original in referring if self.update(original)]
            if not changed:
                return
        if changed:
            raise CircularReferences(sorted(changed))

    def update(self, original: Original) -> bool:
        """Rewrite *original* if a name in it has changed; tell whether its own name changed."""
        lookup = self.lookups[original.name]
        is_same = all(self.current_name(key) == name for key, name in lookup.requested.items())
        if is_same and not (self.own_names and lookup.has_unknown):
            return False
        before = self.files[self.keys[original.name]]
        self.rewrite(original)
        after = self.files[self.keys[original.name]]
        if after.name == before.name:
            return False
        self.made.pop(before.name, None)
        self.made[after.name] = after.digest
        return True

    def current_name(self, key: str) -> str | None:
        """Return the name of *key* so far; see `NameLookup.current`."""
        if key in self.pending:
            return ""
        found = self.files.get(key)
        return found.name if found else None

    def rewrite(self, original: Original) -> None:
        """Rewrite *original* with the current names."""
        assert original.content is not None
        names = NameLookup(self.current_name)
        self.lookups[original.name] = names
        before = read_content(original.content)
        try:
            text = before.decode()
        except UnicodeDecodeError as error:
            line = before.count(b"\n", 0, error.start) + 1
            self.broken.add(BrokenReference(original.name, line, "", error))
            return
        content = rewrite(
            self.storage, original.name, original.path, text, names, self.broken
        ).encode()
        is_same = content == before
        md5, sha256 = original.digest, original.identity
        if not is_same:
            md5, sha256 = digest(content, bool(original.identity))
        name = self.fingerprinted_name(original.name, md5)
        kept = None if is_same else self.spool.keep(content) if self.spool else content
        self.files[self.keys[original.name]] = Fingerprinted(name, md5, sha256, len(content), kept)

    def fingerprinted_name(self, name: str, digest: str) -> str:
        """Return the name for *digest*; ValueError or SuspiciousFileOperation if it is invalid."""
        hashed = self.hashed_name(name, digest)
        if ".." in hashed or hashed.startswith("/"):
            self.storage.path(hashed)
        if "\0" in hashed:
            raise ValueError("embedded null byte")
        return str(self.storage.clean_name(hashed))


class TreeOnDisk:
    """The tree of *storage* on disk, of which *kept* stays, with *originals*.

    *was_read* says that anything else was looked for on the disk.
    """

    def __init__(self, storage: Any, originals: Iterable[Original], kept: Kept) -> None:
        self._storage = storage
        self._digests = {original.name: original.digest for original in originals}
        self._kept = kept
        self._exists, self._open = storage.exists, storage.open
        self.was_read = False
        self._directories = {"."}
        for name in self._digests:
            while name and (name := posixpath.dirname(name)) not in self._directories:
                self._directories.add(name)

    def normalized(self, name: str) -> str:
        """See `TreeView`."""
        path: str = os.path.relpath(self._storage.path(name), self._storage.location)
        return path

    def exists(self, name: str) -> bool:
        """See `TreeView`."""
        if name in self._digests or name in self._directories:
            return True
        self.was_read = True
        match self._kept:
            case Kept.FILES:
                return bool(self._exists(name))
            case Kept.DIRECTORIES:
                return Path(self._storage.path(name)).is_dir()
            case Kept.NOTHING:
                return False

    def digest(self, name: str) -> str | None:
        """See `TreeView`."""
        return self._digests.get(name)

    def open(self, name: str, mode: str) -> Any:
        """See `TreeView`."""
        if name in self._directories:
            raise IsADirectoryError(name)
        self.was_read = True
        return self._open(name, mode)


@contextmanager
def _overlay(storage: Any, tree: TreeView, made: Mapping[str, str]) -> Iterator[None]:
    """Make *storage* see *tree*, and the files whose digests are *made*, which may grow.

    ``exists``, ``open`` and ``file_hash`` are set on the instance, where ``hashed_name`` finds
    them.
    """
    original_file_hash = storage.file_hash

    def exists(name: str) -> bool:
        name = tree.normalized(name)
        return name in made or tree.exists(name)

    def open_(name: str, mode: str = "rb") -> Any:
        name = tree.normalized(name)
        digest = made.get(name) or tree.digest(name)
        return Digest(digest) if digest else tree.open(name, mode)

    def file_hash(name: str, content: Any = None) -> Any:
        if isinstance(content, Digest):
            return content.digest[:12]
        return original_file_hash(name, content)

    values = {"exists": exists, "open": open_, "file_hash": file_hash}
    with replaced_attributes(storage, values):
        yield
