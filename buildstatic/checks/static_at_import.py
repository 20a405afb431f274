"""``static()`` at import time, which requires a manifest, and migrating before there is one.

wagtail/wagtail#5632: system checks import such a module, so migrate fails before collectstatic.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

from buildstatic.checks.context import CheckContext
from buildstatic.checks.deployment import command_sequences
from buildstatic.checks.finding import Finding, Severity
from buildstatic.errors import ConfigInvalid
from buildstatic.manage_py import subdirectories
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
    calls = [(path, line) for path in _own_modules(context) for line in _calls(context, path)]
    for path, line in calls:
        is_early = (
            path in context.settings_files or path.name in EARLY or path.parent.name == "models"
        )
        yield Finding(
            AT_IMPORT,
            Severity.ERROR if is_early else Severity.WARNING,
            files.relative(path, context.root),
            line,
            "static() is called while the module is imported.",
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
                f"{name} migrates before it collects, and {place} calls static() at import.",
                "migrate runs the system checks, which import that module without a manifest.",
                "Collect first, then migrate.",
            )


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
    visitor = _ImportTimeCalls()
    visitor.visit(tree)
    return visitor.lines


class _ImportTimeCalls(ast.NodeVisitor):
    """Finds the calls of FUNCTIONS that run when the module is imported."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.lines: list[int] = []

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            top = alias.name.partition(".")[0]
            self.names[alias.asname or top] = alias.name if alias.asname else top

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names if node.level == 0 else ():
            self.names[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults):
            if part is not None:
                self.visit(part)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Skip the body, which does not run now."""

    def visit_If(self, node: ast.If) -> None:
        test = node.test
        if not (isinstance(test, ast.Compare) and getattr(test.left, "id", "") == "__name__"):
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        name, _, attributes = ast.unparse(node.func).partition(".")
        if f"{self.names.get(name, name)}.{attributes}".rstrip(".") in FUNCTIONS:
            self.lines.append(node.lineno)
