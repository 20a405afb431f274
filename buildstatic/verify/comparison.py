"""The differences between the static files of two images, one for each file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from buildstatic.verify.content_checks import original_name
from buildstatic.verify.tree import StaticTree

ChangeKind = Literal["added", "removed", "changed"]


@dataclass(frozen=True)
class Change:
    """A change of the file *name*, with its sizes in bytes, None if it does not exist."""

    kind: ChangeKind
    name: str
    before: int | None
    after: int | None


@dataclass(frozen=True)
class _File:
    """A file by its name without a fingerprint: its *size*, and the digests of all its names."""

    size: int
    digests: frozenset[str]


def find_changes(before: StaticTree, after: StaticTree) -> tuple[Change, ...]:
    """Return the changes from *before* to *after*, sorted by name.

    With a manifest, a fingerprinted copy is not a file of its own. A variant is listed only if its
    original has not changed in the same way.
    """
    old_files, new_files = _files(before), _files(after)
    changes: dict[str, Change] = {}
    for name in sorted({*old_files, *new_files}):
        old, new = old_files.get(name), new_files.get(name)
        if old is None or new is None:
            kind: ChangeKind = "added" if old is None else "removed"
        elif old.digests != new.digests:
            kind = "changed"
        else:
            continue
        changes[name] = Change(kind, name, old.size if old else None, new.size if new else None)
    return tuple(
        change
        for change in changes.values()
        if (original := changes.get(original_name(change.name))) is None
        or original.kind not in (change.kind, "changed")
    )


def _files(tree: StaticTree) -> dict[str, _File]:
    names = {hashed: name for name, hashed in tree.hashed_names.items() if hashed != name}
    files: dict[str, _File] = {}
    for path, entry in sorted(tree.files.items(), key=lambda item: item[0] in names):
        name = _name_before_hashing(path, names)
        digests = files[name].digests if name in files else frozenset()
        files[name] = _File(entry.size, digests | {tree.summary(tree.path(path)).sha256})
    return files


def _name_before_hashing(path: str, names: Mapping[str, str]) -> str:
    """Return the original name of *path*, a fingerprinted file or a variant of one."""
    original = original_name(path)
    if original in names:
        return names[original] + path[len(original) :]
    return names.get(path, path)
