"""Fingerprint the collected files: their names by content, and the references in them.

Names and bytes are those of the installed Django's ``HashedFilesMixin.post_process``, which reads
and writes all adjustable files up to six times. Here a file is rewritten only when a name that it
refers to has changed, and nothing but the manifest is written: the storage is shown its tree as it
will be.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from buildstatic.collect.references import BrokenReference, NameLookup, is_adjustable, rewrite
from buildstatic.collect.workers.file_tasks import digest

_PLAIN = re.compile(r"[\w./@+~!,=()-]+(?: +[\w./@+~!,=()-]+)*", re.ASCII)


class Kept(Enum):
    """What remains in the tree besides the collected files; ``--clear`` keeps directories."""

    FILES = "files and directories"
    DIRECTORIES = "directories"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Original:
    """A source as it was read, to be collected as *name*; *path* is its name in its storage.

    *digest* is the content's MD5, *identity* its SHA-256 (empty if not needed); *content* is None
    if it contains no references.
    """

    name: str
    path: str
    digest: str
    identity: str
    content: bytes | None


@dataclass(frozen=True)
class Fingerprinted:
    """A file under its fingerprinted name; *content* is None if it equals the original's.

    *digest* and *identity* are as in `Original`. *is_taken*: a source has this very name
    and is kept: post_process replaces it only if it rewrites the file.
    """

    name: str
    digest: str
    identity: str
    content: bytes | None = None
    is_taken: bool = False


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
    kept: Kept,
    existing: frozenset[str] = frozenset(),
    warn: Callable[[str], None] | None = None,
) -> Fingerprints:
    """Return what ``HashedFilesMixin.post_process`` of *storage* makes of *originals*.

    *storage* is one that `recognize` knows; *existing* are the files in its tree, and *kept* says
    what remains of them. With *warn*, a missing source map is only a warning.
    Raises `UnresolvedReferences` or `CircularReferences`.
    """
    digests = {original.name: original.digest for original in originals}
    work = _Fingerprinter(storage)
    with _overlay(storage, digests, work.made, kept):
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
    that it processes later. *requested*: the names that each file was last rewritten with.
    """

    def __init__(self, storage: Any) -> None:
        self.storage = storage
        self.hashed_name = _HashedNames(storage)
        self.keys: dict[str, str] = {}
        self.files: dict[str, Fingerprinted] = {}
        self.made: dict[str, str] = {}
        self.pending: set[str] = set()
        self.requested: dict[str, dict[str, str]] = {}
        self.broken: list[BrokenReference] = []

    def run(self, originals: tuple[Original, ...], warn: Callable[[str], None] | None) -> None:
        ordered = sorted(originals, key=lambda o: len(o.name.split("/")), reverse=True)
        unnamed = self.name_by_raw_content(ordered)
        for original in ordered:  # the first pass
            if problem := unnamed.get(original.name):
                self.broken.append(problem)
                continue
            if original.content is not None:
                self.rewrite(original)
            key = self.keys[original.name]
            self.pending.discard(key)
            self.made[self.files[key].name] = self.files[key].digest
        if errors := [b for b in self.broken if warn is None or not b.is_missing_map]:
            raise UnresolvedReferences(tuple(errors))
        for reference in self.broken if warn else ():
            assert warn is not None
            warn(f"{reference} The line is left unchanged.")
        self.repeat_passes([original for original in ordered if original.content is not None])

    def name_by_raw_content(self, originals: Sequence[Original]) -> dict[str, BrokenReference]:
        """Name *originals*; return the problems of those that cannot be named."""
        from django.core.exceptions import SuspiciousFileOperation

        unnamed = {}
        for original in originals:
            key = self.storage.hash_key(self.storage.clean_name(original.name))
            self.keys[original.name] = key
            if not _is_plain(original.name):
                self.pending.add(key)
            try:
                name = self.fingerprinted_name(original.name, original.digest)
            except (ValueError, SuspiciousFileOperation) as error:
                unnamed[original.name] = BrokenReference(original.name, 0, "", error)
                continue
            self.files[key] = Fingerprinted(name, original.digest, original.identity)
        return unnamed

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
        requested = self.requested[original.name]
        if not any(self.current_name(key) != name for key, name in requested.items()):
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
        self.requested[original.name] = names.requested
        try:
            text = original.content.decode()
        except UnicodeDecodeError as error:
            line = original.content.count(b"\n", 0, error.start) + 1
            self.broken.append(BrokenReference(original.name, line, "", error))
            return
        content = rewrite(
            self.storage, original.name, original.path, text, names, self.broken
        ).encode()
        is_same = content == original.content
        md5, sha256 = original.digest, original.identity
        if not is_same:
            md5, sha256 = digest(content, bool(original.identity))
        name = self.fingerprinted_name(original.name, md5)
        self.files[self.keys[original.name]] = Fingerprinted(
            name, md5, sha256, None if is_same else content
        )

    def fingerprinted_name(self, name: str, digest: str) -> str:
        """Return the name for *digest*; ValueError or SuspiciousFileOperation if it is invalid."""
        hashed = self.hashed_name(name, digest)
        if ".." in hashed or hashed.startswith("/"):
            self.storage.path(hashed)
        if "\0" in hashed:
            raise ValueError("embedded null byte")
        return str(self.storage.clean_name(hashed))


def _is_plain(name: str) -> bool:
    """Tell whether ``hashed_name``, which parses *name* as a URL, leaves it unchanged."""
    return _PLAIN.fullmatch(name) is not None


class _HashedNames:
    """``HashedFilesMixin.hashed_name`` of *storage* for files with a known digest.

    It inserts the hash before the suffix of a plain name. This is verified with the storage once
    for each suffix; a storage that does otherwise is called for each name.
    """

    def __init__(self, storage: Any) -> None:
        self.storage = storage
        self.inserts_before: dict[str, bool] = {}

    def __call__(self, name: str, digest: str) -> str:
        root, suffix = posixpath.splitext(name)
        if not _is_plain(name) or "//" in name:
            return self.by_storage(name, digest)
        inserted = f"{root}.{digest[:12]}{suffix}"
        if suffix not in self.inserts_before:
            self.inserts_before[suffix] = self.by_storage(name, digest) == inserted
        return inserted if self.inserts_before[suffix] else self.by_storage(name, digest)

    def by_storage(self, name: str, digest: str) -> str:
        return str(self.storage.hashed_name(name, _Digest(digest)))


@dataclass(frozen=True)
class _Digest:
    """A stand-in for a file's content where a storage hashes it."""

    digest: str

    def close(self) -> None:
        """Do nothing; no file is open."""


@contextmanager
def _overlay(
    storage: Any, digests: Mapping[str, str], made: Mapping[str, str], kept: Kept
) -> Iterator[None]:
    """Make *storage* see the files in *digests* and *made*, and the *kept* part of its tree.

    ``exists``, ``open`` and ``file_hash`` are set on the instance, where ``hashed_name`` finds
    them. *made* may grow in the block.
    """
    directories = {"."}
    for name in digests:
        while name and (name := posixpath.dirname(name)) not in directories:
            directories.add(name)
    original_exists, original_open = storage.exists, storage.open
    original_file_hash = storage.file_hash

    def normalized(name: str) -> str:
        """Return *name* relative to the storage's root; SuspiciousFileOperation if outside."""
        path: str = os.path.relpath(storage.path(name), storage.location)
        return path

    def exists(name: str) -> bool:
        name = normalized(name)
        if made.get(name) or digests.get(name) or name in directories:
            return True
        match kept:
            case Kept.FILES:
                return bool(original_exists(name))
            case Kept.DIRECTORIES:
                return Path(storage.path(name)).is_dir()
            case Kept.NOTHING:
                return False

    def open_(name: str, mode: str = "rb") -> Any:
        name = normalized(name)
        if digest := made.get(name) or digests.get(name):
            return _Digest(digest)
        if name in directories:
            raise IsADirectoryError(name)
        return original_open(name, mode)

    def file_hash(name: str, content: Any = None) -> Any:
        if isinstance(content, _Digest):
            return content.digest[:12]
        return original_file_hash(name, content)

    storage.exists, storage.open, storage.file_hash = exists, open_, file_hash
    try:
        yield
    finally:
        del storage.exists, storage.open, storage.file_hash
