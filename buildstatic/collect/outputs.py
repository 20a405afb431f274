"""The files that the tree will have: each content once, with all its names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from buildstatic.collect.fingerprint import Fingerprinted
from buildstatic.collect.reading import Reading

# The suffixes of variants, whatever program makes them.
VARIANT_SUFFIXES = ("gz", "br", "zst", "zstd")


@dataclass(frozen=True, slots=True)
class Output:
    """A content and the *names* that it has in the tree.

    It is read from *path*, which must still have the *size* and the time *modified* (ns), or it is
    *content*. *digest* is its MD5, *identity* its SHA-256.
    """

    names: tuple[str, ...]
    digest: str
    identity: str
    size: int
    path: str = ""
    modified: int = 0
    content: bytes | None = None


def outputs_of(
    readings: Sequence[Reading], files: Mapping[str, Fingerprinted], *, originals: bool
) -> tuple[Output, ...]:
    """Return what *readings* become, with the fingerprinted names in *files*.

    Without *originals*, fingerprinted sources have no other name.
    """
    outputs = []
    kept = {item.name for item in files.values() if item.is_taken}
    replaced = {item.name for item in files.values() if not item.is_taken}
    for reading in readings:
        name = reading.source.path
        item = files.get(name)
        names: tuple[str, ...] = ()
        if (originals or item is None or name in kept) and name not in replaced:
            names = (name,)
        if item is not None and item.content is None and not item.is_taken:
            names = (*names, item.name)
        if names:
            outputs.append(
                Output(
                    names,
                    reading.digest,
                    reading.identity,
                    reading.size,
                    reading.path,
                    reading.modified,
                    None if reading.path else reading.content,
                )
            )
        if item is not None and item.content is not None:
            size = len(item.content)
            outputs.append(
                Output((item.name,), item.digest, item.identity, size, content=item.content)
            )
    return tuple(outputs)


def without_names(outputs: Sequence[Output], names: Set[str]) -> list[Output]:
    """Return *outputs* without *names*, which the tree has already."""
    if not names:
        return list(outputs)
    rest = ((output, tuple(n for n in output.names if n not in names)) for output in outputs)
    return [replace(output, names=left) for output, left in rest if left]


def outdated_variants(
    changed: Iterable[Output], outputs: Iterable[Output], existing: Set[str]
) -> frozenset[str]:
    """Return the files among *existing* that are variants of the names of *changed*.

    A file that is one of *outputs* is not a variant.
    """
    if not existing:
        return frozenset()
    names = (f"{name}.{suffix}" for o in changed for name in o.names for suffix in VARIANT_SUFFIXES)
    found = {name for name in names if name in existing}
    return frozenset(found.difference(*(output.names for output in outputs)) if found else ())


def names_below(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the directories of *names*, and their parents, each with the names below it."""
    found: dict[str, list[str]] = {}
    for name in names:
        directory = name
        while directory := directory.rpartition("/")[0]:
            found.setdefault(directory, []).append(name)
    return found


def parent_directories(outputs: Iterable[Output]) -> frozenset[str]:
    """Return the directories of *outputs*, and their parents."""
    found: set[str] = set()
    for output in outputs:
        for name in output.names:
            while (name := name.rpartition("/")[0]) and name not in found:
                found.add(name)
    return frozenset(found)
