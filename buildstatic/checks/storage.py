"""The storage of the static files: one that fingerprints, or not."""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity, split
from buildstatic.project.static import backend

OFF = "manifest-storage-off"
CODES = {OFF: "the storage gives no fingerprinted names"}
PLAIN = {
    "django.contrib.staticfiles.storage.StaticFilesStorage": (
        "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    ),
    "whitenoise.storage.CompressedStaticFilesStorage": (
        "whitenoise.storage.CompressedManifestStaticFilesStorage"
    ),
    "servestatic.storage.CompressedStaticFilesStorage": (
        "servestatic.storage.CompressedManifestStaticFilesStorage"
    ),
}


def find(case: CheckContext) -> Iterator[Finding]:
    """Yield where names stay as they are, so that browsers may not keep the files."""
    if not case.is_local or case.settings.classes or not case.settings.complete:
        return
    found = case.project.storage
    if found is None:
        if backend(case.settings, legacy=True) is not None:
            return
        url = case.settings.get("STATIC_URL")
        source, name = (url.source if url else f"{case.settings.file}:0"), "Django's default"
        wanted = PLAIN["django.contrib.staticfiles.storage.StaticFilesStorage"]
    elif found.value in PLAIN:
        source, name, wanted = found.source, found.value, PLAIN[found.value]
    else:
        return
    yield Finding(
        OFF,
        Severity.WARNING,
        *split(source),
        f"The storage of the static files is {name}, which gives no fingerprinted names.",
        "Browsers have to ask again for every file, or show an old one after a deployment.",
        f'Let STORAGES["staticfiles"]["BACKEND"] be "{wanted}".',
    )
