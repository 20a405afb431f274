"""Django's own storages (django/contrib/staticfiles/storage.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from buildstatic.collect.fingerprint import Original, fingerprint
from buildstatic.collect.references import is_adjustable, needles
from buildstatic.collect.storages.adapter import (
    Adapter,
    Existing,
    Fingerprinting,
    Fingerprints,
    Originals,
)

PACKAGE = "django"
MODULE = "django.contrib.staticfiles.storage"


def refuses(storage: Any) -> str:
    """Return why *storage*, which fingerprints as Django does, has to run its own code."""
    return "it keeps intermediate files" if storage.keep_intermediate_files else ""


def run(
    storage: Any,
    originals: tuple[Original, ...],
    existing: Existing,
    warn: Callable[[str], None] | None,
) -> Fingerprints:
    """Fingerprint as ``HashedFilesMixin.post_process`` does."""
    files = fingerprint(storage, originals, kept=existing.kept, warn=warn)
    processed: list[tuple[str, str]] = []
    skipped: list[str] = []
    for name, item in files.items():
        is_present = item.is_taken or item.name in existing.files
        if is_adjustable(storage, name) or not is_present:
            processed.append((name, item.name))
        else:
            skipped.append(name)
    return Fingerprints(files, tuple(processed), tuple(skipped))


def _keeps_originals(_storage: Any) -> Originals:
    return Originals.KEPT


def fingerprinting(
    originals: Callable[[Any], Originals] = _keeps_originals,
) -> Fingerprinting:
    """Return Django's fingerprinting, with what a storage does with the *originals*."""
    return Fingerprinting(run, is_adjustable, needles, originals)


ADAPTERS = {
    f"{MODULE}.StaticFilesStorage": Adapter(),
    f"{MODULE}.ManifestStaticFilesStorage": Adapter(fingerprinting(), refuses=refuses),
}
