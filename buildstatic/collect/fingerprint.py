"""Fingerprints: what each collected file is called by its content, and what is in it then.

The names and the bytes are those of the installed Django's ``HashedFilesMixin.post_process``. It
goes over all adjustable files up to six times and writes each of them each time; here a file is
rewritten when a name that it uses has changed, and nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from buildstatic.collect.hashed_names import HashedNames, is_plain
from buildstatic.collect.references import Names, Problem, is_adjustable, rewrite
from buildstatic.collect.storage_overlay import Left, collected
from buildstatic.collect.workers.read_task import digest


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

    *digest* and *identity* are as in `Original`. *yields* says that a source has this very name,
    and stays: post_process writes such as it rewrites in any case, others where there is none.
    """

    name: str
    digest: str
    identity: str
    content: bytes | None = None
    yields: bool = False


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


def fingerprint(
    storage: Any,
    originals: tuple[Original, ...],
    *,
    left: Left,
    missing_maps: Callable[[str], None] | None = None,
) -> dict[str, Fingerprinted]:
    """Return the fingerprinted file of each of *originals*, by the name of the original.

    *storage* is one that `recognize` knows; *left* says what else its place holds.
    Where *missing_maps* is given, a source map that is not there is told to it, and its line stays.
    Raises `Unresolved` or `Unsettled`.
    """
    digests = {original.name: original.digest for original in originals}
    work = _Work(storage, missing_maps)
    with collected(storage, digests, work.made, left):
        work.run(originals)
        found = {original.name: work.files[work.keys[original.name]] for original in originals}
    taken = (n for n, item in found.items() if item.name in found and not is_adjustable(storage, n))
    return found | {name: replace(found[name], yields=True) for name in taken}


def judge(problems: Sequence[Problem], missing_maps: Callable[[str], None] | None) -> None:
    """Raise `Unresolved` for *problems*, of which *missing_maps*, if given, is told the lesser."""
    grave = [p for p in problems if missing_maps is None or not p.is_missing_map]
    if grave:
        raise Unresolved(tuple(grave))
    for problem in problems:
        assert missing_maps is not None
        missing_maps(f"{problem} The line stays as it is.")


class _Work:
    """One run over the files, by what the storage calls them.

    *keys* is what it calls them. *files* are what they have become so far, at first by the raw
    content. *made* has the digests of the fingerprinted files that Django would have written by
    now. The storage is to look for itself for those in *late*, as it does for all files that it
    comes to later. *asked* are the names that each file was rewritten with last.
    """

    def __init__(self, storage: Any, missing_maps: Callable[[str], None] | None) -> None:
        self.storage = storage
        self.missing_maps = missing_maps
        self.hashed_name = HashedNames(storage)
        self.keys: dict[str, str] = {}
        self.files: dict[str, Fingerprinted] = {}
        self.made: dict[str, str] = {}
        self.late: set[str] = set()
        self.asked: dict[str, dict[str, str]] = {}
        self.problems: list[Problem] = []

    def named(self, name: str, digest: str) -> str:
        """Return the fingerprinted name of the file *name*.

        Raises ValueError or SuspiciousFileOperation where there can be none.
        """
        hashed = self.hashed_name(name, digest)
        if ".." in hashed or hashed.startswith("/"):
            self.storage.path(hashed)
        if "\0" in hashed:
            raise ValueError("embedded null byte")
        return str(self.storage.clean_name(hashed))

    def name(self, key: str) -> str | None:
        """Return what is known of *key*: None for no file, nothing for one to look for."""
        if key in self.late:
            return ""
        found = self.files.get(key)
        return found.name if found else None

    def run(self, originals: tuple[Original, ...]) -> None:
        """Do the passes of ``post_process``, of each only what can change anything."""
        ordered = sorted(originals, key=lambda o: len(o.name.split(os.sep)), reverse=True)
        unnamed = self.begin(ordered)
        for original in ordered:
            if problem := unnamed.get(original.name):
                self.problems.append(problem)
            else:
                self.first(original)
        judge(self.problems, self.missing_maps)
        self.settle([original for original in ordered if original.content is not None])

    def begin(self, originals: Sequence[Original]) -> dict[str, Problem]:
        """Name *originals* by the raw content; return the problems of those that have no name."""
        from django.core.exceptions import SuspiciousFileOperation

        unnamed = {}
        for original in originals:
            key = self.storage.hash_key(self.storage.clean_name(original.name))
            self.keys[original.name] = key
            if not is_plain(original.name):
                self.late.add(key)
            try:
                name = self.named(original.name, original.digest)
            except (ValueError, SuspiciousFileOperation) as error:
                unnamed[original.name] = Problem(original.name, 0, "", error)
                continue
            self.files[key] = Fingerprinted(name, original.digest, original.identity)
        return unnamed

    def first(self, original: Original) -> None:
        """Do for *original* what the first pass does."""
        if original.content is not None:
            self.follow(original)
        key = self.keys[original.name]
        self.late.discard(key)
        self.made[self.files[key].name] = self.files[key].digest

    def settle(self, referring: Sequence[Original]) -> None:
        """Do the passes after the first."""
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
        before = self.files[self.keys[original.name]]
        self.follow(original)
        after = self.files[self.keys[original.name]]
        if after.name == before.name:
            return False
        self.made.pop(before.name, None)
        self.made[after.name] = after.digest
        return True

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
        self.files[self.keys[original.name]] = self.rewritten(original, new)

    def rewritten(self, original: Original, content: bytes) -> Fingerprinted:
        """Return *original* with *content* in it."""
        if content == original.content:
            name = self.named(original.name, original.digest)
            return Fingerprinted(name, original.digest, original.identity)
        md5, sha256 = digest(content, bool(original.identity))
        return Fingerprinted(self.named(original.name, md5), md5, sha256, content)
