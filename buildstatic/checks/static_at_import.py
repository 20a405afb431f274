"""``static()`` at import, which wants a manifest, and a chain that migrates before there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from buildstatic.checks.chains import chains
from buildstatic.checks.context import CheckContext
from buildstatic.checks.executed import Call, calls
from buildstatic.checks.finding import Finding, Severity
from buildstatic.errors import ConfigInvalid
from buildstatic.manage_py import subdirectories
from buildstatic.project import files

AT_IMPORT, ORDER = "static-at-import", "migrate-before-collect"
CODES = {
    AT_IMPORT: "a module calls static() while it is imported",
    ORDER: "a module calls static() at import, and migrate runs before there is a manifest",
}
CALLS = (
    "django.templatetags.static.static",
    "django.contrib.staticfiles.templatetags.staticfiles.static",
    "django.contrib.staticfiles.storage.staticfiles_storage.url",
    "django.contrib.staticfiles.storage.storage.staticfiles_storage.url",
)
NEEDLE = b"static"
# What django.setup() imports, and so collectstatic itself.
EARLY = ("models.py", "apps.py")


def find(case: CheckContext) -> Iterator[Finding]:
    """Yield the calls, where the storage has a manifest, and the chains that they break."""
    storage = case.project.storage
    if storage is None or "Manifest" not in storage.value or not case.is_local:
        return
    found = [(path, call) for path in _modules(case) for call in _static(case, path)]
    for path, call in found:
        yield _at_import(case, path, call)
    if found:
        path, call = found[0]
        yield from _chained(case, f"{files.relative(path, case.root)}:{call.line}")


def _modules(case: CheckContext) -> Iterator[Path]:
    """Yield the modules of the project's own, without tests, migrations and scripts."""
    for directory, below, names in os.walk(case.search.manage):
        kept = {path.name for path in subdirectories(Path(directory))}
        below[:] = sorted(kept - {"tests", "migrations", "static", "templates"})
        for name in sorted(names):
            if name.endswith(".py") and not name.startswith("test") and name != "manage.py":
                yield Path(directory, name)


def _static(case: CheckContext, path: Path) -> list[Call]:
    try:
        if NEEDLE not in files.read_bytes(path, case.root):
            return []
        found = calls(files.read_python(path, case.root))
    except ConfigInvalid:  # a file that nothing of the project imports, or that says so itself
        return []
    return [call for call in found if call.name in CALLS]


def _at_import(case: CheckContext, path: Path, call: Call) -> Finding:
    is_early = path in case.modules or path.name in EARLY or path.parent.name == "models"
    return Finding(
        AT_IMPORT,
        Severity.ERROR if is_early else Severity.WARNING,
        files.relative(path, case.root),
        call.line,
        "static() is called while the module is imported.",
        "Collecting imports it, before there is a manifest to look the name up in: it stops."
        if is_early
        else "It wants the manifest: whatever imports it before files are collected stops.",
        "Call it in a function, a property or a template; in a form's Media write the plain name.",
    )


def _chained(case: CheckContext, place: str) -> Iterator[Finding]:
    for chain in chains(case):
        migrates = chain.first("migrate")
        collects = chain.first("collect")
        if migrates is None or collects is None or migrates.position >= collects.position:
            continue
        yield Finding(
            ORDER,
            Severity.ERROR,
            migrates.file,
            migrates.line,
            f"{chain.name} migrates before it collects, and {place} calls static() at import.",
            "migrate checks the project first, imports that module, and finds no manifest.",
            "Collect first, then migrate.",
        )
