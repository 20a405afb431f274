"""What is to be in the tree: each content once, with all its names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from buildstatic.collect.fingerprint import Fingerprinted
from buildstatic.collect.sources import Source
from buildstatic.collect.workers.read_task import SAME


@dataclass(frozen=True, slots=True)
class Reading:
    """A source that was read: as `chores.read` says; *path* is where, empty for no file of ours."""

    source: Source
    path: str
    size: int
    modified: int
    digest: str
    identity: str
    state: int
    content: bytes | None

    @property
    def is_unmodified(self) -> bool:
        """Tell whether the tree has it already, the same and no older."""
        return self.state == SAME


def without_content(reading: Reading) -> Reading:
    """Return *reading* without its content, if there is a file to read it from."""
    return replace(reading, content=None) if reading.path and reading.content else reading


@dataclass(frozen=True, slots=True)
class Output:
    """A content and the *names* that it has in the tree.

    It is read from *path*, which must still have *size* and the time *modified* (ns), or is
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
    readings: Sequence[Reading], found: Mapping[str, Fingerprinted], *, originals: bool
) -> tuple[Output, ...]:
    """Return what *readings* become, with the fingerprinted names in *found* where there are any.

    Without *originals* only the fingerprinted names are there.
    """
    outputs = []
    kept = {item.name for item in found.values() if item.yields}
    replaced = {item.name for item in found.values() if not item.yields}
    for reading in readings:
        item = found.get(reading.source.path)
        names = _names(reading.source.path, item, kept, replaced, originals=originals)
        if names:
            outputs.append(_read(reading, names))
        if item is not None and item.content is not None:
            outputs.append(_made(item, item.content))
    return tuple(outputs)


def _names(
    name: str,
    item: Fingerprinted | None,
    kept: Set[str],
    replaced: Set[str],
    *,
    originals: bool,
) -> tuple[str, ...]:
    """Return the names that the content of the source *name* has."""
    is_there = (originals or item is None or name in kept) and name not in replaced
    names = (name,) if is_there else ()
    if item is None or item.content is not None or item.yields:
        return names
    return (*names, item.name)


def _read(reading: Reading, names: tuple[str, ...]) -> Output:
    content = None if reading.path else reading.content
    return Output(
        names,
        reading.digest,
        reading.identity,
        reading.size,
        reading.path,
        reading.modified,
        content,
    )


def _made(item: Fingerprinted, content: bytes) -> Output:
    return Output((item.name,), item.digest, item.identity, len(content), content=content)


def pending(outputs: Sequence[Output], kept: Set[str]) -> list[Output]:
    """Return *outputs* without the names in *kept*, which the tree has already."""
    if not kept:
        return list(outputs)
    rest = ((output, tuple(n for n in output.names if n not in kept)) for output in outputs)
    return [replace(output, names=names) for output, names in rest if names]


# What variants are called by, whoever has made them.
SUFFIXES = ("gz", "br", "zst", "zstd")


def outdated(
    wanted: Iterable[Output], outputs: Iterable[Output], present: Set[str]
) -> frozenset[str]:
    """Return the variants among *present* of names that *wanted* has other content for.

    A file that is one of *outputs* itself is none.
    """
    beside = (f"{n}.{suffix}" for output in wanted for n in output.names for suffix in SUFFIXES)
    found = {name for name in beside if name in present} if present else set()
    return frozenset(found.difference(*(output.names for output in outputs)) if found else ())


def below(names: Iterable[str]) -> dict[str, list[str]]:
    """Return every directory that *names* are in, or below, with those of them."""
    found: dict[str, list[str]] = {}
    for name in names:
        directory = name
        while directory := directory.rpartition("/")[0]:
            found.setdefault(directory, []).append(name)
    return found


def parents(outputs: Iterable[Output]) -> frozenset[str]:
    """Return every directory that *outputs* are in, or below."""
    found: set[str] = set()
    for output in outputs:
        for name in output.names:
            while (name := name.rpartition("/")[0]) and name not in found:
                found.add(name)
    return frozenset(found)
