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
from buildstatic.checks.static_sources import source_directories
from buildstatic.project import files
from buildstatic.project.settings import UNKNOWN, Value
from buildstatic.project.static_files import entry

CODES: tuple[str, ...] = ("vite-manifest-ignored",)
BUILT = ".vite/manifest.json"
SUFFIXES = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts")
MANIFEST = re.compile(r"(?<![\w.$])([\"']?)manifest\1\s*:\s*(?:(?P<on>true\b)|[\"'`])")


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield a finding if django-vite reads the manifest from where it is not collected to.

    Vite's configuration is searched beside each package.json of a front end, in the root and in
    its directories. Without any that names a manifest, a built one in the sources counts.
    """
    if "django_vite" not in context.settings.listed("INSTALLED_APPS") or not _is_collected(context):
        return
    is_named = False
    for file in _configurations(context):
        text = files.without_comments(context.read_text(file) or "")
        for match in MANIFEST.finditer(text):
            is_named = True
            if match["on"] and _is_vite_5(context, PurePosixPath(file).parent):
                yield _finding(file, text.count("\n", 0, match.end()) + 1)
                break
    if is_named:
        return
    for source in source_directories(context):
        top = context.root / source.path
        for pattern in (BUILT, f"*/{BUILT}"):
            for path in sorted(top.glob(pattern)):
                if not files.is_file(path.parent.with_name(path.name)):
                    yield _finding(files.relative(path, context.root), 0)


def _finding(file: str, line: int) -> Finding:
    return Finding(
        CODES[0],
        Severity.ERROR,
        file,
        line,
        "Vite writes its manifest to .vite/manifest.json, which is not collected.",
        "collectstatic ignores names with a leading dot, so django-vite finds no manifest.",
        'Set build.manifest to "manifest.json", and manifest_path in DJANGO_VITE likewise.',
    )


def _configurations(context: CheckContext) -> list[str]:
    """Return Vite's configuration files, relative to the root."""
    frontends = [fact.value for fact in context.project.frontends]
    places = {place for each in frontends for place in (each.directory, *each.workspaces)}
    found = {path for place in places for path in (context.root / place).glob("vite.config*")}
    found |= {*context.root.glob("vite.config*"), *context.root.glob("*/vite.config*")}
    names = (files.relative(path, context.root) for path in found if path.suffix in SUFFIXES)
    return sorted(names, key=lambda name: (name.count("/"), name))


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
    """Return whether the next package.json that has Vite, upwards, allows only Vite 5 or later."""
    for place in (directory, *directory.parents):
        try:
            document = json.loads(context.read_text(str(place / "package.json")) or "{}")
            found = {**document.get("dependencies", {}), **document.get("devDependencies", {})}
        except (ValueError, AttributeError, TypeError):
            continue
        version = str(found.get("vite", ""))
        if match := re.search(r"\d+", version):
            return int(match[0]) >= 5
        if version in ("latest", "*"):
            return True
    return False
