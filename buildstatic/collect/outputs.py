"""What is to be in the tree: each content once, with all its names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from buildstatic.collect.chores import SAME
from buildstatic.collect.fingerprint import Fingerprinted
from buildstatic.collect.sources import Source


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
    taken = {reading.source.path for reading in readings}
    for reading in readings:
        name = reading.source.path
        print_ = found.get(name)
        names = [name] if originals or print_ is None else []
        if print_ is not None and print_.content is None and print_.name not in taken:
            names.append(print_.name)
        if names:
            outputs.append(
                Output(
                    tuple(names),
                    reading.digest,
                    reading.identity,
                    reading.size,
                    reading.path,
                    reading.modified,
                    None if reading.path else reading.content,
                )
            )
        if print_ is not None and print_.content is not None:
            outputs.append(
                Output(
                    (print_.name,),
                    print_.digest,
                    print_.identity,
                    len(print_.content),
                    content=print_.content,
                )
            )
    return tuple(outputs)


def pending(outputs: Sequence[Output], kept: Set[str]) -> list[Output]:
    """Return *outputs* without the names in *kept*, which the tree has already."""
    if not kept:
        return list(outputs)
    rest = ((output, tuple(n for n in output.names if n not in kept)) for output in outputs)
    return [replace(output, names=names) for output, names in rest if names]


def parents(outputs: Iterable[Output]) -> frozenset[str]:
    """Return every directory that *outputs* are in, or below."""
    names = (PurePosixPath(name) for output in outputs for name in output.names)
    return frozenset(str(parent) for name in names for parent in name.parents)
