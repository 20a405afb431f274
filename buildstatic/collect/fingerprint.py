"""Fingerprints: what each collected file is called by its content, and what is in it then.

The names and the bytes are those of the installed Django's ``HashedFilesMixin.post_process``. It
goes over all adjustable files up to six times and writes each of them each time; here a file is
rewritten when a name that it uses has changed, and nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from buildstatic.collect.chores import digest
from buildstatic.collect.references import Names, Problem, rewrite


@dataclass(frozen=True)
class Original:
    """A source as it was read, to be collected as *name*; *path* is what its storage calls it.

    *digest* is the content's MD5, *identity* its SHA-256 (empty where nobody asks for it);
    *content* is None where it refers to no other file.
    """

    name: str
    path: str
    digest: str
    identity: str
    content: bytes | None


@dataclass(frozen=True)
class Fingerprinted:
    """A file under its fingerprinted name; *content* is None where it is the original's.

    *digest* and *identity* are as in `Original`.
    """

    name: str
    digest: str
    identity: str
    content: bytes | None = None


class Unresolved(Exception):
    """References that cannot be followed, all that there are."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems


class Unsettled(Exception):
    """Names that are different after every pass: files that refer to one another in a circle."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(names)
        self.names = tuple(names)


@dataclass(frozen=True)
class _Digest:
    """What stands in for a file's content where the storage wants to hash it."""

    digest: str

    def close(self) -> None:
        """Do nothing: a stand-in holds no file."""


@contextmanager
def _collected(storage: Any, digests: Mapping[str, str], is_empty: bool) -> Iterator[None]:
    """Let *storage* see its place as it will be when the files in *digests* are there.

    Set on the instance, where ``hashed_name`` looks: ``exists``, ``open`` and ``file_hash``.
    *is_empty* says that nothing else will be there.
    """
    directories = {""}
    for name in digests:
        while name and (name := os.path.dirname(name)) not in directories:
            directories.add(name)
    exists, open_, file_hash = storage.exists, storage.open, storage.file_hash

    def seen(name: str) -> bool:
        known = name in digests or os.path.normpath(name) in (*directories, ".")
        return known or (not is_empty and exists(name))

    def opened(name: str, mode: str = "rb") -> Any:
        if name in digests:
            return _Digest(digests[name])
        if name in directories or os.path.normpath(name) == ".":
            raise IsADirectoryError(name)
        return open_(name, mode)

    def hashed(name: str, content: Any = None) -> Any:
        known = isinstance(content, _Digest)
        return content.digest[:12] if known else file_hash(name, content)

    storage.exists, storage.open, storage.file_hash = seen, opened, hashed
    try:
        yield
    finally:
        del storage.exists, storage.open, storage.file_hash


def fingerprint(
    storage: Any,
    originals: tuple[Original, ...],
    *,
    is_empty: bool,
    missing_maps: Callable[[str], None] | None = None,
) -> dict[str, Fingerprinted]:
    """Return the fingerprinted file of each of *originals*, by the name of the original.

    *storage* is one that `recognize` knows; *is_empty* says that its place holds nothing else.
    Where *missing_maps* is given, a source map that is not there is told to it, and its line stays.
    Raises `Unresolved` or `Unsettled`.
    """
    digests = {original.name: original.digest for original in originals}
    with _collected(storage, digests, is_empty):
        work = _Work(storage, originals, missing_maps)
        work.run(originals)
        return {original.name: work.files[work.key(original.name)] for original in originals}


class _Work:
    """One run over the files: *names* are the fingerprinted names so far, at first by the raw
    content; *asked* are those that each file was rewritten with last.
    """

    def __init__(
        self,
        storage: Any,
        originals: tuple[Original, ...],
        missing_maps: Callable[[str], None] | None,
    ) -> None:
        self.storage = storage
        self.missing_maps = missing_maps
        self.files = {
            self.key(original.name): Fingerprinted(
                self.named(original.name, original.digest), original.digest, original.identity
            )
            for original in originals
        }
        self.asked: dict[str, dict[str, str]] = {}
        self.problems: list[Problem] = []

    def key(self, name: str) -> str:
        key: str = self.storage.hash_key(self.storage.clean_name(name))
        return key

    def named(self, name: str, digest: str) -> str:
        hashed = self.storage.hashed_name(name, _Digest(digest))
        return str(self.storage.clean_name(hashed))

    def name(self, key: str) -> str | None:
        found = self.files.get(key)
        return found.name if found else None

    def run(self, originals: tuple[Original, ...]) -> None:
        """Do the passes of ``post_process``, of each only what can change anything."""
        referring = [original for original in originals if original.content is not None]
        referring.sort(key=lambda original: len(original.name.split(os.sep)), reverse=True)
        for original in referring:
            self.follow(original)
        lenient = self.missing_maps is not None
        problems = [p for p in self.problems if not (lenient and p.is_missing_map)]
        if problems:
            raise Unresolved(tuple(problems))
        self.problems, missed = [], self.problems
        for problem in missed:
            assert self.missing_maps is not None
            self.missing_maps(f"{problem} The line stays as it is.")
        changed: list[str] = []
        for _ in range(self.storage.max_post_process_passes):
            changed = [original.name for original in referring if self.changes(original)]
            if not changed:
                break
        if changed:
            raise Unsettled(sorted(changed))

    def is_stale(self, original: Original) -> bool:
        return any(self.name(key) != name for key, name in self.asked[original.name].items())

    def changes(self, original: Original) -> bool:
        """Follow *original* again where a name has changed; say whether its own name did."""
        if not self.is_stale(original):
            return False
        before = self.name(self.key(original.name))
        self.follow(original)
        return self.name(self.key(original.name)) != before

    def follow(self, original: Original) -> None:
        """Rewrite *original* with the names that there are now."""
        assert original.content is not None
        names = Names(self.name)
        self.asked[original.name] = names.asked
        try:
            text = original.content.decode()
        except UnicodeDecodeError as error:
            line = original.content.count(b"\n", 0, error.start) + 1
            self.problems.append(Problem(original.name, line, "", error))
            return
        new = rewrite(
            self.storage, original.name, original.path, text, names, self.problems
        ).encode()
        key = self.key(original.name)
        if new == original.content:
            name = self.named(original.name, original.digest)
            self.files[key] = Fingerprinted(name, original.digest, original.identity)
        else:
            md5, sha256 = digest(new, bool(original.identity))
            self.files[key] = Fingerprinted(self.named(original.name, md5), md5, sha256, new)
