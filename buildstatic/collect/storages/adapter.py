"""What the collector needs to know about a storage: one `Adapter` for each known class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from buildstatic.collect.fingerprint import Fingerprinted, Original
from buildstatic.collect.storage_overlay import Kept
from buildstatic.collect.workers.read_task import Needle


class Originals(Enum):
    """What happens to the files under their own names if there are fingerprinted ones."""

    KEPT = "kept"
    REMOVED = "removed"


@dataclass(frozen=True)
class Fingerprints:
    """The result of fingerprinting: *files* by the names of the originals.

    *processed* (names and new names) and *skipped* (names) are what ``post_process`` reports to
    collectstatic.
    """

    files: Mapping[str, Fingerprinted]
    processed: tuple[tuple[str, str], ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class Existing:
    """What is in the tree: the *files*, and what will be *kept* beside what is collected."""

    files: frozenset[str]
    kept: Kept


class Run(Protocol):
    """Fingerprints *originals*; raises `UnresolvedReferences` or `CircularReferences`.

    With *warn*, a missing source map is only a warning.
    """

    def __call__(
        self,
        storage: Any,
        originals: tuple[Original, ...],
        existing: Existing,
        warn: Callable[[str], None] | None,
        /,
    ) -> Fingerprints:
        """Return what *storage* makes of *originals*."""
        ...


@dataclass(frozen=True)
class Fingerprinting:
    """How a storage fingerprints.

    *is_text* tells by a file's name whether its references are rewritten; *needles* returns what
    such a file contains if it has any (see `references.needles`). Both get the storage first.
    """

    run: Run
    is_text: Callable[[Any, str], bool]
    needles: Callable[[Any, str], tuple[Needle, ...] | None]
    originals: Callable[[Any], Originals]


@dataclass(frozen=True)
class Compression:
    """What a storage compresses: files whose names *fit*, into *formats*.

    *levels* are its own levels by format, *suffixes* its suffixes that differ from the format. With
    *chained*, no other format is tried if brotli does not make a file smaller.
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
class FinishedTree:
    """The tree when all but the manifest is written; the paths in *gone* will be removed.

    *layer_root* is the layer root that it is in, if any.
    """

    gone: frozenset[str]
    layer_root: Path | None


def _supports_all(_storage: Any) -> str:
    return ""


def _complete_nothing(_storage: Any, _tree: FinishedTree) -> None:
    """Add nothing to the manifest."""


@dataclass(frozen=True)
class Adapter:
    """A known storage: how it fingerprints and compresses, None if it does not.

    *refuses* returns why an instance must still run its own code, or an empty string.
    *complete* lets the storage add to the manifest that it has saved.
    """

    fingerprinting: Fingerprinting | None = None
    compression: Callable[[Any], Compression] | None = None
    refuses: Callable[[Any], str] = _supports_all
    complete: Callable[[Any, FinishedTree], None] = _complete_nothing
