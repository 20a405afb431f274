"""Which variants a storage, or the person, asks for, and for which files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from buildstatic.collect import codecs
from buildstatic.collect.codecs import Codec, Effort
from buildstatic.collect.recognize import Kind
from buildstatic.errors import CollectFailed

# WhiteNoise's list (whitenoise/compress.py), for storages that have none of their own.
SKIPPED = (
    *("jpg", "jpeg", "png", "gif", "webp", "avif", "jxl"),
    *("zip", "gz", "tgz", "bz2", "tbz", "xz", "br", "zst"),
    *("swf", "flv", "woff", "woff2"),
    *("3gp", "3gpp", "asf", "avi", "m4v", "mov", "mp4", "mpeg", "mpg", "webm", "wmv"),
)
USUAL = ("br", "gz")
LIBRARIES = {"br": "brotli", "zst": "zstandard"}


@dataclass(frozen=True)
class Variants:
    """The variants to make: *codecs* in the order in which they are tried, for names that *fit*."""

    codecs: tuple[Codec, ...]
    fits: Callable[[str], bool]


def variants_for(
    storage: Any, kind: Kind, effort: Effort | None, formats: tuple[str, ...]
) -> Variants | None:
    """Return the variants for *storage*, None for none.

    *effort* and *formats* are what the person asks for; without them it is what the storage makes.
    Raises `CollectFailed` for a format that is asked for and has no library.
    """
    if effort is None and not formats and not kind.compresses:
        return None
    wanted, fits = _of_storage(storage) if kind.compresses else (USUAL, _fits)
    suffixes = [suffix for suffix in codecs.FORMATS if suffix in (formats or wanted)]
    loaded = {suffix: codecs.load(suffix, effort or "best") for suffix in suffixes}
    if missing := [suffix for suffix in formats if not loaded[suffix]]:
        problem = f"No library that makes .{missing[0]} can be imported by the project's Python."
        raise CollectFailed(problem, f"Install {LIBRARIES[missing[0]]}, or leave the format out.")
    return Variants(tuple(codec for codec in loaded.values() if codec), fits)


def _of_storage(storage: Any) -> tuple[tuple[str, ...], Callable[[str], bool]]:
    """Ask the compressor that WhiteNoise's storages make (whitenoise/storage.py)."""
    from django.conf import settings

    extensions = getattr(settings, "WHITENOISE_SKIP_COMPRESS_EXTENSIONS", None)
    compressor = storage.create_compressor(extensions=extensions, quiet=True)
    uses = {"br": compressor.use_brotli, "gz": compressor.use_gzip}
    return tuple(suffix for suffix, is_on in uses.items() if is_on), compressor.should_compress


_SKIPPED = re.compile(rf"\.({'|'.join(SKIPPED)})$", re.IGNORECASE)


def _fits(name: str) -> bool:
    return _SKIPPED.search(name) is None
