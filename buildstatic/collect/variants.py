"""Which variants a storage, or the person, asks for, and for which files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from buildstatic.collect import codecs
from buildstatic.collect.codecs import Codec, Effort
from buildstatic.collect.storages.adapter import Adapter, Compression
from buildstatic.errors import CollectFailed

# WhiteNoise's list (whitenoise/compress.py), for storages that have none of their own.
SKIPPED = (
    *("jpg", "jpeg", "png", "gif", "webp", "avif", "jxl"),
    *("zip", "gz", "tgz", "bz2", "tbz", "xz", "br", "zst"),
    *("swf", "flv", "woff", "woff2"),
    *("3gp", "3gpp", "asf", "avi", "m4v", "mov", "mp4", "mpeg", "mpg", "webm", "wmv"),
)
LIBRARIES = {"br": "brotli", "zst": "zstandard"}


@dataclass(frozen=True)
class Variants:
    """The variants to make: *codecs* in the order in which they are tried, for names that *fit*.

    With *chained*, nothing else is tried where brotli is not worth it.
    """

    codecs: tuple[Codec, ...]
    fits: Callable[[str], bool]
    chained: bool = True


def variants_for(
    storage: Any, adapter: Adapter, effort: Effort | None, formats: tuple[str, ...]
) -> Variants | None:
    """Return the variants for *storage*, None for none.

    *effort* and *formats* are what the person asks for; without them it is what the storage makes.
    Raises `CollectFailed` for a format that is asked for and has no library.
    """
    if effort is None and not formats and not adapter.compression:
        return None
    own = adapter.compression(storage) if adapter.compression else _USUAL
    loaded = {
        suffix: codecs.load(suffix, effort or "best", None if effort else own.levels.get(suffix))
        for suffix in codecs.FORMATS
        if suffix in (formats or own.formats)
    }
    if missing := [suffix for suffix in formats if not loaded[suffix]]:
        problem = f"No library that makes .{missing[0]} can be imported by the project's Python."
        raise CollectFailed(problem, f"Install {LIBRARIES[missing[0]]}, or leave the format out.")
    named = (replace(c, suffix=own.named(c.suffix)) for c in loaded.values() if c)
    return Variants(tuple(named), own.fits, own.chained)


_SKIPPED = re.compile(rf"\.({'|'.join(SKIPPED)})$", re.IGNORECASE)


def _fits(name: str) -> bool:
    return _SKIPPED.search(name) is None


_USUAL = Compression(("br", "gz"), _fits)
