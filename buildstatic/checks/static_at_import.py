"""``static()`` at import time, which requires a manifest, and migrating before there is one.

wagtail/wagtail#5632: system checks import such a module, so migrate fails before collectstatic.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from buildstatic.checks.context import CheckContext
from buildstatic.checks.deployment import command_sequences
from buildstatic.checks.finding import Finding, Severity
from buildstatic.checks.import_time import import_time_calls
from buildstatic.errors import ConfigInvalid
from buildstatic.manage_py.find import subdirectories
from buildstatic.project import files

AT_IMPORT, ORDER = "static-at-import", "migrate-before-collect"
CODES: tuple[str, ...] = (AT_IMPORT, ORDER)
FUNCTIONS = (
    "django.templatetags.static.static",
    "django.contrib.staticfiles.templatetags.staticfiles.static",
    "django.contrib.staticfiles.storage.staticfiles_storage.url",
    "django.contrib.staticfiles.storage.storage.staticfiles_storage.url",
)
# Modules that django.setup(), and therefore collectstatic itself, imports.
EARLY = ("models.py", "apps.py")
SKIPPED = {"tests", "migrations", "static", "templates"}


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the calls, if the storage has a manifest, and the deployments that they break."""
    storage = context.project.storage
    if storage is None or "Manifest" not in storage.value or not context.has_local_storage:
        return
    calls = find_calls(context)
    for path, line in calls:
        is_early = (
            path in context.settings_files or path.name in EARLY or path.parent.name == "models"
        )
        yield Finding(
            AT_IMPORT,
            Severity.ERROR if is_early else Severity.WARNING,
            files.relative(path, context.root),
            line,
            "The URL of a static file is computed while the module is imported.",
            "Collecting imports this module before the manifest exists, and fails."
            if is_early
            else "Importing this module before collecting fails: there is no manifest.",
            "Call it in a function, property or template; in a form's Media use the plain path.",
        )
    if not calls:
        return
    path, line = calls[0]
    place = f"{files.relative(path, context.root)}:{line}"
    for name, commands in command_sequences(context):
        kinds = [command.kind for command in commands]
        if {"migrate", "collect"} <= set(kinds) and kinds.index("migrate") < kinds.index("collect"):
            migrate = commands[kinds.index("migrate")]
            yield Finding(
                ORDER,
                Severity.ERROR,
                migrate.file,
                migrate.line,
                f"{name} migrates before it collects, and {place} uses static() at import.",
                "migrate runs the system checks, which import that module without a manifest.",
                "Collect first, then migrate.",
            )


def find_calls(context: CheckContext) -> list[tuple[Path, int]]:
    """Return the file and the line of each call at import."""
    return [(path, line) for path in _own_modules(context) for line in _calls(context, path)]


def _own_modules(context: CheckContext) -> Iterator[Path]:
    """Yield the project's own modules without tests and migrations."""
    for parent, directories, names in os.walk(context.search.manage):
        own = {path.name for path in subdirectories(Path(parent))}
        directories[:] = sorted(own - SKIPPED)
        for name in sorted(names):
            if name.endswith(".py") and not name.startswith("test") and name != "manage.py":
                yield Path(parent, name)


def _calls(context: CheckContext, path: Path) -> list[int]:
    """Return the lines of the calls; none for a file that is not valid Python."""
    try:
        if b"static" not in files.read_bytes(path, context.root):
            return []
        tree = files.read_python(path, context.root)
    except ConfigInvalid:
        return []
    return [node.lineno for name, node in import_time_calls(tree) if name in FUNCTIONS]
