"""The static files storage: whether it adds fingerprints to file names."""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity, split_source
from buildstatic.project.static_files import backend

CODES: tuple[str, ...] = ("manifest-storage-off",)
DEFAULT = "django.contrib.staticfiles.storage.StaticFilesStorage"
# Storages without fingerprints, and the counterparts of the same package that add them.
REPLACEMENTS = {
    DEFAULT: "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
    "whitenoise.storage.CompressedStaticFilesStorage": (
        "whitenoise.storage.CompressedManifestStaticFilesStorage"
    ),
    "servestatic.storage.CompressedStaticFilesStorage": (
        "servestatic.storage.CompressedManifestStaticFilesStorage"
    ),
}


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield a finding if the storage is known not to add fingerprints."""
    settings, storage = context.settings, context.project.storage
    if not context.has_local_storage or settings.classes or not settings.complete:
        return
    if storage is not None:
        name, replacement, source = storage.value, REPLACEMENTS.get(storage.value), storage.source
    elif backend(settings, legacy=True) is None:
        url = settings.get("STATIC_URL")
        name, replacement = "Django's default", REPLACEMENTS[DEFAULT]
        source = url.source if url else f"{settings.file}:0"
    else:
        return
    if replacement is not None:
        yield Finding(
            CODES[0],
            Severity.WARNING,
            *split_source(source),
            f"The static files storage is {name}, which adds no fingerprints to file names.",
            "Browsers must revalidate every file, or show outdated files after a deployment.",
            f'Set STORAGES["staticfiles"]["BACKEND"] to "{replacement}".',
        )
