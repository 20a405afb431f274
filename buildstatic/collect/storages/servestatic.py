"""ServeStatic's storages (servestatic/storage.py): WhiteNoise's, zstd, and files' stats.

Its server looks for zstd under the suffix ``.zstd``, and has the sizes and times of all files from
the manifest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from buildstatic.collect.places import inside
from buildstatic.collect.storages import django, whitenoise
from buildstatic.collect.storages.kind import Compression, Ending, Kind

PACKAGE = "servestatic"
SUFFIXES = {"zst": "zstd"}
USES = {"zst": "use_zstd", "br": "use_brotli", "gz": "use_gzip"}
# ``compression.zstd.compress`` without a level (ZSTD_CLEVEL_DEFAULT).
USUAL_LEVEL = 3


def _refuses(_storage: Any) -> str:
    """Return why the compressor itself has to run."""
    from django.conf import settings

    if getattr(settings, "SERVESTATIC_MINIFY", False):
        return "its variants are minified (SERVESTATIC_MINIFY)"
    if getattr(settings, "SERVESTATIC_ZSTD_DICTIONARY", None) is not None:
        return "it compresses with a dictionary (SERVESTATIC_ZSTD_DICTIONARY)"
    return ""


def _refuses_manifest(storage: Any) -> str:
    return django.refuses(storage) or _refuses(storage)


def _compression(storage: Any) -> Compression:
    """Ask the compressor that the storage makes for itself.

    Before version 4 it knew no zstd, and tried nothing else where brotli was not worth it.
    """
    compressor = storage.create_compressor(**_arguments())
    formats = tuple(format_ for format_, use in USES.items() if getattr(compressor, use, False))
    level = getattr(compressor, "zstd_level", None)
    return Compression(
        formats,
        compressor.should_compress,
        chained=not hasattr(compressor, "use_zstd"),
        levels={"zst": USUAL_LEVEL if level is None else level},
        suffixes=SUFFIXES,
    )


def _arguments() -> Mapping[str, Any]:
    from django.conf import settings
    from servestatic import storage as module

    if of_settings := getattr(module, "get_compressor_kwargs", None):
        return dict(of_settings(quiet=True))
    extensions = getattr(settings, "SERVESTATIC_SKIP_COMPRESS_EXTENSIONS", None)
    return {"extensions": extensions, "quiet": True}


def _complete(storage: Any, *, ending: Ending) -> None:
    """Let *storage* add the stats of the files in STATIC_ROOT to its manifest."""
    own = storage.stat_static_root
    storage.stat_static_root = lambda: _stats(own, ending)
    try:
        storage.add_stats_to_manifest()
    finally:
        del storage.stat_static_root


def _stats(own: Any, ending: Ending) -> dict[str, tuple[int, ...]]:
    """Return what *own* finds and is to stay, sorted."""
    with _static_root(ending.layer_root) as root:
        found = {name: tuple(stats) for name, stats in sorted(own().items())}
    kept = {name: s for name, s in found.items() if str(root / name) not in ending.gone}
    return {name: _in_image(s) for name, s in kept.items()} if ending.layer_root else kept


def _in_image(stats: tuple[int, ...]) -> tuple[int, ...]:
    """Return *stats* as they are in an image, but for what each machine has of its own."""
    mode, *_, size, _, modified, _ = stats
    return (mode, 0, 0, 1, 0, 0, size, modified, modified, modified)


@contextmanager
def _static_root(layer_root: Path | None) -> Iterator[Path]:
    """Let STATIC_ROOT be where it stands in *layer_root*, if there is one; yield its path."""
    from django.conf import settings

    before = settings.STATIC_ROOT
    place = Path(before or "").absolute()
    if layer_root is None or not before:
        yield place
        return
    settings.STATIC_ROOT = inside(layer_root, place)
    try:
        yield settings.STATIC_ROOT
    finally:
        settings.STATIC_ROOT = before


KINDS = {
    f"{PACKAGE}.storage.CompressedStaticFilesStorage": Kind(
        compression=_compression, refuses=_refuses
    ),
    f"{PACKAGE}.storage.CompressedManifestStaticFilesStorage": Kind(
        django.fingerprinting(whitenoise.originals),
        _compression,
        _refuses_manifest,
        complete=_complete,
    ),
}
