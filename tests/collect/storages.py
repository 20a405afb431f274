"""Storages that the collector knows: the installed ones, and subclasses that only set data."""

from __future__ import annotations

from typing import Any

from tests.collect.inprocess import start

start()

import servestatic.storage as servestatic  # noqa: E402 - needs settings
from django.contrib.staticfiles.storage import (  # noqa: E402
    ManifestStaticFilesStorage,
    StaticFilesStorage,
)
from django.test import override_settings  # noqa: E402
from whitenoise.storage import (  # type: ignore[import-untyped]  # noqa: E402
    CompressedManifestStaticFilesStorage,
    CompressedStaticFilesStorage,
)

__all__ = [
    "CompressedManifestStaticFilesStorage",
    "CompressedStaticFilesStorage",
    "ManifestStaticFilesStorage",
    "StaticFilesStorage",
    "override_settings",
    "servestatic",
]


class ModulesStorage(ManifestStaticFilesStorage):  # type: ignore[misc]
    support_js_module_import_aggregation = True


class OnePassStorage(ManifestStaticFilesStorage):  # type: ignore[misc]
    max_post_process_passes = 0


class TwoPassesStorage(ManifestStaticFilesStorage):  # type: ignore[misc]
    max_post_process_passes = 1


class LenientStorage(ManifestStaticFilesStorage):  # type: ignore[misc]
    manifest_strict = False


class HashedOnlyStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    keep_only_hashed_files = True


class OwnPatternsStorage(ManifestStaticFilesStorage):  # type: ignore[misc]
    """Overlapping suffixes, a directory pattern, and a pattern without a template."""

    patterns = (
        *ManifestStaticFilesStorage.patterns,
        ("*.min.css", ((r"(?P<matched>src\((?P<url>[^)]*)\))", "src(%(url)s)"),)),
        ("js/*", (r"(?P<matched>href=(?P<url>\S+))",)),
        ("[st]*.txt", ((r"(?P<matched><(?P<url>[^>]*)>)", "<%(url)s>"),)),
    )


class SuffixStorage(ManifestStaticFilesStorage):  # type: ignore[misc]
    """Patterns for a suffix and for a longer one that ends in it."""

    patterns = (
        *ManifestStaticFilesStorage.patterns,
        ("*.min.css", ((r"(?P<matched>src\((?P<url>[^)]*)\))", "src(%(url)s)"),)),
    )


class ServedHashedOnlyStorage(
    servestatic.CompressedManifestStaticFilesStorage  # type: ignore[misc]
):
    keep_only_hashed_files = True


SERVED_STORAGES: tuple[Any, ...] = (
    servestatic.CompressedManifestStaticFilesStorage,
    ServedHashedOnlyStorage,
    servestatic.CompressedStaticFilesStorage,
)
MANIFEST_STORAGES: tuple[Any, ...] = (
    ManifestStaticFilesStorage,
    ModulesStorage,
    OnePassStorage,
    TwoPassesStorage,
    LenientStorage,
    OwnPatternsStorage,
    SuffixStorage,
    CompressedManifestStaticFilesStorage,
    HashedOnlyStorage,
)
STORAGES: tuple[Any, ...] = (
    *MANIFEST_STORAGES,
    StaticFilesStorage,
    CompressedStaticFilesStorage,
)
