"""Commands that installed apps require around collecting, in the project's own deployment files.

The generated Dockerfile and `buildstatic collect` run them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildstatic.checks.context import CheckContext
from buildstatic.checks.deployment import Line, script_lines
from buildstatic.checks.finding import Finding, Severity
from buildstatic.project import files
from buildstatic.project.detect import COMMANDS_BEFORE, COMPRESSOR
from buildstatic.project.static_files import app_directory

CODES: tuple[str, ...] = ("collect-without-command",)
COLLECTSTATIC = re.compile(r"(?:manage\.py|django-admin|-m\s+django)\s.*\bcollectstatic\b")
COMMAND = re.compile(r"(?:manage\.py|django-admin|-m\s+django)\s+(\w+)")
FILES = (
    *("Dockerfile", "Procfile", "railpack.json", "railway.json", "railway.toml"),
    *("fly.toml", "render.yaml"),
)


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the files that run collectstatic where no file runs a command that belongs to it."""
    lines = list(_lines(context))
    text = "\n".join(line.text for line in lines)
    collecting = next((line for line in lines if COLLECTSTATIC.search(line.text)), None)
    if collecting is None:
        return
    for when, commands in (("before", context.project.before), ("after", context.project.after)):
        for command in commands:
            name = command.split()[0]
            if re.search(rf"\b{re.escape(name)}\b(?!-)", text) or _is_replaced(name, text, context):
                continue
            yield Finding(
                CODES[0],
                Severity.WARNING,
                collecting.file,
                collecting.number,
                f"collectstatic runs without {command}, which an installed app requires {when} it.",
                "Pages refer to files that are not collected, and fail.",
                f"Run manage.py {command} {when} collectstatic, or collect with buildstatic.",
            )


def _is_replaced(name: str, text: str, context: CheckContext) -> bool:
    """Return whether *text* runs a command of the project that uses the app of *name*."""
    package = {command: app for app, command in COMMANDS_BEFORE.items()}.get(name, COMPRESSOR)
    apps = (app_directory(app, context.search) for app in context.settings.listed("INSTALLED_APPS"))
    own = [context.root / app / "management/commands" for app in apps if app]
    paths = (each / f"{command}.py" for command in set(COMMAND.findall(text)) for each in own)
    modules = (files.read_bytes(path, context.root) for path in paths if files.is_file(path))
    return any(package.encode() in module for module in modules)


def _lines(context: CheckContext) -> Iterator[Line]:
    for name in FILES:
        for number, text in enumerate((context.read_text(name) or "").splitlines(), 1):
            if not text.lstrip().startswith("#"):
                yield Line(name, number, text)
    for lines in script_lines(context):
        yield from lines
