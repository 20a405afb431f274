"""What the engine has to know of a storage: one `Kind`, which its family fills in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from buildstatic.collect.fingerprint import Fingerprinted, Original
from buildstatic.collect.storage_overlay import Left
from buildstatic.collect.workers.read_task import Needle


class Originals(Enum):
    """What becomes of the files under their own names, where there are fingerprinted ones."""

    KEPT = "kept"
    REMOVED = "removed"


@dataclass(frozen=True)
class Fingerprints:
    """What fingerprinting makes of the originals: *files* by the names of these.

    *processed* and *skipped* are what ``post_process`` tells collectstatic of: names with what they
    are called then, and names that nothing was done for.
    """

    files: Mapping[str, Fingerprinted]
    processed: tuple[tuple[str, str], ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class Present:
    """What is in the tree: the files *there*, and what will be *left* beside what is collected."""

    there: frozenset[str]
    left: Left


class Run(Protocol):
    """Fingerprints *originals*; raises `Unresolved` or `Unsettled`.

    Where *missing_maps* is given, a source map that is not there is told to it, and its line stays.
    """

    def __call__(
        self,
        storage: Any,
        originals: tuple[Original, ...],
        present: Present,
        missing_maps: Callable[[str], None] | None,
        /,
    ) -> Fingerprints:
        """Return what *storage* makes of *originals*, with what is *present* beside them."""
        ...


@dataclass(frozen=True)
class Fingerprinting:
    """How a storage fingerprints.

    *is_text* tells by the name of a file whether references in it are followed, *needles* what it
    has some of then (see `patterns.needles`); both get the storage first.
    """

    run: Run
    is_text: Callable[[Any, str], bool]
    needles: Callable[[Any, str], tuple[Needle, ...] | None]
    originals: Callable[[Any], Originals] = lambda _storage: Originals.KEPT


@dataclass(frozen=True)
class Compression:
    """What a storage compresses: into *formats*, the files whose names *fit*.

    *levels* are its own for formats, *suffixes* those that are none of theirs. With *chained*, no
    other format is tried where brotli is not worth it.
    """

    formats: tuple[str, ...]
    fits: Callable[[str], bool]
    chained: bool = True
    levels: Mapping[str, int] = field(default_factory=dict)
    suffixes: Mapping[str, str] = field(default_factory=dict)

    def named(self, format_: str) -> str:
        """Return the suffix of a variant in *format_*."""
        return self.suffixes.get(format_, format_)


@dataclass(frozen=True)
class Ending:
    """The tree at the end of a run but for the manifest: the paths in *gone* are about to go.

    *layer_root* is where it stands in, if it does in one.
    """

    gone: frozenset[str]
    layer_root: Path | None


def _nothing(_storage: Any) -> str:
    return ""


class Complete(Protocol):
    """What a storage adds to the manifest that it has just saved."""

    def __call__(self, storage: Any, *, ending: Ending) -> None:
        """Let *storage* add to its manifest."""
        ...


def _no_more(storage: Any, *, ending: Ending) -> None:
    """Add nothing to the manifest."""


@dataclass(frozen=True)
class Kind:
    """A known storage: how it fingerprints and what it compresses, None where it does not.

    *refuses* is asked why an instance has to run its own code all the same, empty for no reason.
    """

    fingerprinting: Fingerprinting | None = None
    compression: Callable[[Any], Compression] | None = None
    refuses: Callable[[Any], str] = _nothing
    complete: Complete = _no_more
