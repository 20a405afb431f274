"""The static files storage: whether it adds fingerprints, and whether a variable selects it."""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity, split_source
from buildstatic.checks.static_at_import import find_calls
from buildstatic.project import files
from buildstatic.project.static_files import backend

OFF, VARIES = "manifest-storage-off", "storage-depends-on-variable"
CODES: tuple[str, ...] = (OFF, VARIES)
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
    """Yield a finding if the storage adds no fingerprints, or may be remote or local."""
    yield from _without_fingerprints(context)
    yield from _varies(context)


def _without_fingerprints(context: CheckContext) -> Iterator[Finding]:
    settings, storage = context.settings, context.project.storage
    # django-compressor names its files by their content.
    has_compressor = "compressor" in settings.listed("INSTALLED_APPS")
    if not context.has_local_storage or not settings.complete or has_compressor:
        return
    if storage is not None:
        name, replacement, source = storage.value, REPLACEMENTS.get(storage.value), storage.source
    elif backend(settings, legacy=True) is None:
        url = settings.get("STATIC_URL")
        name, replacement = "Django's default", REPLACEMENTS[DEFAULT]
        source = url.source if url else f"{settings.file}:0"
    else:
        return
    has_whitenoise = context.project.whitenoise is not None or any(
        "whitenoise" in each.text for each in context.edits
    )
    if replacement == REPLACEMENTS[DEFAULT] and has_whitenoise:
        replacement = REPLACEMENTS["whitenoise.storage.CompressedStaticFilesStorage"]
    if replacement is not None:
        edit = next((each for each in context.edits if each.text.startswith("STORAGES")), None)
        fix = f'Set STORAGES["staticfiles"]["BACKEND"] to "{replacement}".'
        if edit is not None:  # it is shown as the fix alone
            fix = f"In {edit.file}, {edit.where}, add:\n\n{edit.text}"
        calls = find_calls(context)
        first = f"{files.relative(calls[0][0], context.root)}:{calls[0][1]}" if calls else ""
        before = f"First move the calls of static() out of import time ({first}). " if calls else ""
        yield Finding(
            OFF,
            Severity.WARNING,
            *split_source(source),
            f"The static files storage is {name}, which adds no fingerprints to file names.",
            "Browsers must revalidate every file, or show outdated files after a deployment.",
            f"{before}{fix}",
        )


def _varies(context: CheckContext) -> Iterator[Finding]:
    """Yield a finding if a variable decides whether the storage is remote."""
    switch = context.project.storage_switch
    if switch is not None:
        yield Finding(
            VARIES,
            Severity.INFO,
            *split_source(switch.source),
            f"Whether the static files storage is remote depends on {' and '.join(switch.value)}.",
            "Where it is remote, pages refer to files that building an image does not upload.",
            "There, run collectstatic with the same variables before each release.",
        )
