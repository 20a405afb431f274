"""What a collection tells while it runs, and what it has to say at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Tell:
    """Whom to tell: *warn* takes a sentence; *progress* a step, how much is done, and of how much.

    What a step counts is files, but for ``compress``, which counts bytes.
    """

    warn: Callable[[str], None]
    progress: Callable[[str, int, int], None] = lambda step, done, total: None


@dataclass(frozen=True)
class Summary:
    """What a collection did.

    *files* and *bytes* are of the sources that won; *copied* of them were written, *unmodified*
    were there. *fingerprinted* names a content; *variants* and *variant_bytes* are compressed ones,
    of which the cache had *hits*, and *saved* is how much less the smallest variant of each content
    is. *equal* and *conflicts* count shadowed sources; *ignored* those left out by rules of
    buildstatic's own. *stale* files of earlier runs are in the tree still, *removed* ones are not.
    *copies* had to be made where names of one content could not be one file. *seconds* are per
    step. *own_code* is why the storage's own code ran, empty where the engine collected.
    """

    files: int = 0
    bytes: int = 0
    copied: int = 0
    unmodified: int = 0
    fingerprinted: int = 0
    variants: int = 0
    variant_bytes: int = 0
    hits: int = 0
    saved: int = 0
    equal: int = 0
    conflicts: int = 0
    ignored: int = 0
    stale: int = 0
    removed: int = 0
    copies: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    own_code: str = ""


@dataclass(frozen=True)
class Collected:
    """The end of a collection: Django's closing line (empty at verbosity 0), and the summary."""

    closing: str
    summary: Summary
