"""Vite's manifest in ``.vite``, a directory that collectstatic ignores.

https://vite.dev/guide/migration-v4-to-v5 ("Manifest files are now generated in .vite directory by
default"); https://github.com/MrBin99/django-vite, "Configuration".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity
from buildstatic.project.settings import UNKNOWN, Value
from buildstatic.project.static_files import entry

CODES: tuple[str, ...] = ("vite-manifest-ignored",)
CONFIGS = ("vite.config.js", "vite.config.mjs", "vite.config.ts", "vite.config.mts")
MANIFEST = re.compile(r"^[^/\n]*\bmanifest\s*:\s*true\b", re.MULTILINE)


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield a finding if django-vite reads the manifest from where it is not collected to."""
    if "django_vite" not in context.settings.listed("INSTALLED_APPS") or not _is_collected(context):
        return
    places = sorted({p.parent for n in CONFIGS for p in context.root.glob(f"*/{n}")})
    for directory in (context.root, *places):
        for name in CONFIGS:
            file = (directory / name).relative_to(context.root).as_posix()
            match = MANIFEST.search(context.read_text(file) or "")
            if match is None or not _is_vite_5(context, PurePosixPath(file).parent):
                continue
            yield Finding(
                CODES[0],
                Severity.ERROR,
                file,
                (context.read_text(file) or "").count("\n", 0, match.end()) + 1,
                "Vite writes its manifest to .vite/manifest.json, which is not collected.",
                "collectstatic ignores names with a leading dot, so django-vite finds no manifest.",
                'Set build.manifest to "manifest.json", and manifest_path in DJANGO_VITE likewise.',
            )


def _is_collected(context: CheckContext) -> bool:
    """Return whether django-vite reads the manifest below STATIC_ROOT, as by default."""
    settings = context.settings
    setting = settings.get("DJANGO_VITE")
    path = entry(entry(setting, "default"), "manifest_path") or settings.get(
        "DJANGO_VITE_MANIFEST_PATH"
    )
    if path is None:
        return setting is None or isinstance(setting.data, dict)
    root = settings.get("STATIC_ROOT")
    return _text(root) is not None and f"{_text(path)}/".startswith(f"{_text(root)}/")


def _text(value: Value | None) -> str | None:
    return None if value is None or value.data is UNKNOWN else str(value.data)


def _is_vite_5(context: CheckContext, directory: PurePosixPath) -> bool:
    """Return whether package.json in *directory*, or in the root, allows Vite 5 or later only."""
    for place in (directory, PurePosixPath()):
        try:
            document = json.loads(context.read_text(str(place / "package.json")) or "{}")
            found = {**document.get("dependencies", {}), **document.get("devDependencies", {})}
        except (ValueError, AttributeError, TypeError):
            continue
        if match := re.search(r"\d+", str(found.get("vite", ""))):
            return int(match[0]) >= 5
    return False
