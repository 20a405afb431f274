"""The storages of WhiteNoise and ServeStatic: Django's, with compressed variants.

ServeStatic (servestatic/storage.py) is derived from WhiteNoise (whitenoise/storage.py). Its server
expects zstd variants with the suffix ``.zstd``, and reads the sizes and times of all files from the
manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from buildstatic.collect.storages.adapter import (
    Adapter,
    CompressionRules,
    FinishedTree,
)

SUFFIXES = {"zst": "zstd"}
USES = {"zst": "use_zstd", "br": "use_brotli", "gz": "use_gzip"}
# ``compression.zstd.compress`` without a level (ZSTD_CLEVEL_DEFAULT).
DEFAULT_LEVEL = 3


def _removes_originals(storage: Any) -> bool:
    """See ``post_process_with_compression``."""
    return bool(storage.keep_only_hashed_files)


def _whitenoise_compression(storage: Any) -> CompressionRules:
    """Ask the compressor that the storage creates."""
    from django.conf import settings

    extensions = getattr(settings, "WHITENOISE_SKIP_COMPRESS_EXTENSIONS", None)
    compressor = storage.create_compressor(extensions=extensions, quiet=True)
    uses = {"br": compressor.use_brotli, "gz": compressor.use_gzip}
    formats = tuple(suffix for suffix, is_on in uses.items() if is_on)
    return CompressionRules(formats, compressor.should_compress)


def _refuses_servestatic(_storage: Any) -> str:
    """Return why the storage's own compressor has to run."""
    from django.conf import settings

    if getattr(settings, "SERVESTATIC_MINIFY", False):
        return "its variants are minified (SERVESTATIC_MINIFY)"
    if getattr(settings, "SERVESTATIC_ZSTD_DICTIONARY", None) is not None:
        return "it compresses with a dictionary (SERVESTATIC_ZSTD_DICTIONARY)"
    return ""


def _servestatic_compression(storage: Any) -> CompressionRules:
    """Ask the compressor that the storage creates.

    Before version 4 it had no zstd, and tried no other format if brotli did not make a file
    smaller.
    """
    compressor = storage.create_compressor(**_compressor_arguments())
    formats = tuple(format_ for format_, use in USES.items() if getattr(compressor, use, False))
    level = getattr(compressor, "zstd_level", None)
    return CompressionRules(
        formats,
        compressor.should_compress,
        chained=not hasattr(compressor, "use_zstd"),
        levels={"zst": DEFAULT_LEVEL if level is None else level},
        suffixes=SUFFIXES,
    )


def _compressor_arguments() -> Mapping[str, Any]:
    from django.conf import settings
    from servestatic import storage as module

    if from_settings := getattr(module, "get_compressor_kwargs", None):
        return dict(from_settings(quiet=True))
    extensions = getattr(settings, "SERVESTATIC_SKIP_COMPRESS_EXTENSIONS", None)
    return {"extensions": extensions, "quiet": True}


def _complete(storage: Any, tree: FinishedTree) -> None:
    """Let *storage* add the stats of the files in STATIC_ROOT to its manifest."""
    original = storage.stat_static_root
    storage.stat_static_root = lambda: _stats(original, tree)
    try:
        storage.add_stats_to_manifest()
    finally:
        del storage.stat_static_root


def _stats(stat_static_root: Any, tree: FinishedTree) -> dict[str, tuple[int, ...]]:
    """Return the stats of the files that are kept, sorted by name.

    In a layer root, they are those of the image, without what differs between machines.
    """
    from django.conf import settings

    before = settings.STATIC_ROOT
    root = Path(before or "").absolute()
    is_moved = tree.layer_root is not None and bool(before)
    if tree.layer_root is not None and before:
        root = tree.layer_root / root.relative_to("/")
    try:
        if is_moved:
            settings.STATIC_ROOT = root
        found = {name: tuple(stats) for name, stats in sorted(stat_static_root().items())}
    finally:
        if is_moved:
            settings.STATIC_ROOT = before
    kept = {name: s for name, s in found.items() if str(root / name) not in tree.gone}
    if tree.layer_root is None:
        return kept
    return {
        name: (mode, 0, 0, 1, 0, 0, size, modified, modified, modified)
        for name, (mode, *_, size, _, modified, _) in kept.items()
    }


WHITENOISE = {
    "whitenoise.storage.CompressedStaticFilesStorage": Adapter(compression=_whitenoise_compression),
    "whitenoise.storage.CompressedManifestStaticFilesStorage": Adapter(
        fingerprints=True,
        compression=_whitenoise_compression,
        removes_originals=_removes_originals,
    ),
}
SERVESTATIC = {
    "servestatic.storage.CompressedStaticFilesStorage": Adapter(
        compression=_servestatic_compression, refuses=_refuses_servestatic
    ),
    "servestatic.storage.CompressedManifestStaticFilesStorage": Adapter(
        fingerprints=True,
        compression=_servestatic_compression,
        refuses=_refuses_servestatic,
        removes_originals=_removes_originals,
        complete=_complete,
    ),
}
