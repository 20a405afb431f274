"""What changed between the static files of two images, a line for each file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from buildstatic.verify.tree import Tree
from buildstatic.verify.variants import SUFFIXES, original

Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True)
class Change:
    """What became of the file *name*; its sizes in bytes, None where it is not there."""

    kind: Kind
    name: str
    before: int | None
    after: int | None


@dataclass(frozen=True)
class _File:
    """A file by its name before it was fingerprinted: its *size*, and digests of all its names."""

    size: int
    digests: frozenset[str]


def changes(before: Tree, after: Tree) -> tuple[Change, ...]:
    """Return what changed from *before* to *after*, sorted by name.

    The fingerprinted copy of a file is no file of its own where there is a manifest, and a variant
    is told of only where its file has not changed as well.
    """
    old, new = _files(before), _files(after)
    found = {
        name: _change(name, old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if not _is_same(old.get(name), new.get(name))
    }
    return tuple(each for each in found.values() if not _goes_with_its_file(each, found))


def _is_same(old: _File | None, new: _File | None) -> bool:
    return old is not None and new is not None and old.digests == new.digests


def _change(name: str, old: _File | None, new: _File | None) -> Change:
    kind: Kind = "added" if old is None else "removed" if new is None else "changed"
    return Change(kind, name, old.size if old else None, new.size if new else None)


def _goes_with_its_file(change: Change, found: Mapping[str, Change]) -> bool:
    base = found.get(original(change.name))
    return base is not None and (base.kind == change.kind or base.kind == "changed")


def _files(tree: Tree) -> dict[str, _File]:
    names = {hashed: name for name, hashed in tree.names.items() if hashed != name}
    found: dict[str, _File] = {}
    for physical, member in sorted(tree.files.items(), key=lambda item: item[0] in names):
        name = _name(physical, names)
        digests = found[name].digests if name in found else frozenset()
        found[name] = _File(member.size, digests | {tree.facts(tree.path(physical)).sha256})
    return found


def _name(physical: str, names: Mapping[str, str]) -> str:
    """Return the name that *physical*, a fingerprinted file or its variant, had before."""
    base = original(physical)
    if base in names:
        suffix = physical[len(base) :]
        assert suffix in SUFFIXES
        return names[base] + suffix
    return names.get(physical, physical)
