"""What is asked of the engine, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from buildstatic.collect.cache import Cache
from buildstatic.collect.publish import How
from buildstatic.collect.root import Layer
from buildstatic.collect.variants import Variants


@dataclass(frozen=True)
class Wishes:
    """What is asked of the engine.

    *post_process* and *clear* are collectstatic's; *prune* removes what earlier runs have left;
    *variants* is None for none, and with *decides* no others may be beside a file that gets other
    content; *reuse* an earlier tree; *layer* is the layer root that the tree
    stands in, and is emptied for it; *threads* is how many threads and processes there may be.
    """

    post_process: bool = True
    clear: bool = False
    prune: bool = False
    how: How = field(default_factory=How)
    variants: Variants | None = None
    decides: bool = False
    cache: Cache | None = None
    reuse: Path | None = None
    layer: Layer | None = None
    missing_maps: Literal["fail", "warn"] = "fail"
    threads: int = 1
