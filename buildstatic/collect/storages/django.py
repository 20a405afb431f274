"""Django's own storages (django/contrib/staticfiles/storage.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from buildstatic.collect.fingerprint import Fingerprinted, Original, fingerprint
from buildstatic.collect.patterns import needles
from buildstatic.collect.references import is_adjustable
from buildstatic.collect.storages.kind import Fingerprinting, Fingerprints, Kind, Originals, Present

PACKAGE = "django"
MODULE = "django.contrib.staticfiles.storage"


def refuses(storage: Any) -> str:
    """Return why *storage*, which fingerprints as Django does, has to run its own code."""
    return "it keeps intermediate files" if storage.keep_intermediate_files else ""


def run(
    storage: Any,
    originals: tuple[Original, ...],
    present: Present,
    missing_maps: Callable[[str], None] | None,
) -> Fingerprints:
    """Fingerprint as ``HashedFilesMixin.post_process`` does."""
    files = fingerprint(storage, originals, left=present.left, missing_maps=missing_maps)
    processed: list[tuple[str, str]] = []
    skipped: list[str] = []
    for name, item in files.items():
        if is_adjustable(storage, name) or not _is_there(item, present):
            processed.append((name, item.name))
        else:
            skipped.append(name)
    return Fingerprints(files, tuple(processed), tuple(skipped))


def _is_there(item: Fingerprinted, present: Present) -> bool:
    return item.yields or item.name in present.there


def fingerprinting(originals: Callable[[Any], Originals] | None = None) -> Fingerprinting:
    """Return Django's way, with what a storage does with *originals* if it does anything."""
    way = Fingerprinting(run, is_adjustable, needles)
    return Fingerprinting(run, is_adjustable, needles, originals) if originals else way


KINDS = {
    f"{MODULE}.StaticFilesStorage": Kind(),
    f"{MODULE}.ManifestStaticFilesStorage": Kind(fingerprinting(), refuses=refuses),
}
