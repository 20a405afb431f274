"""A project that cannot be imported, or whose static files cannot be listed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity, split_source
from buildstatic.errors import SettingsInvalid, StaticRootInvalid, VariablesMissing
from buildstatic.project import files

IMPORT, COLLECT = "project-does-not-import", "collecting-fails"
CODES: tuple[str, ...] = (IMPORT, COLLECT)
TRACEBACK = "buildstatic collect --dry-run --traceback"
# The place in a message such as "The app 'shop' cannot be imported: shop/apps.py:6: KeyError: …".
PLACE = re.compile(r"(?:^|\s)([^\s:]+\.py:\d+)\b")


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the error that running the project ended with."""
    error = context.examination.failure
    # STATIC_ROOT that is seen to be missing has a finding of its own.
    if error is None or (isinstance(error, StaticRootInvalid) and context.needs("STATIC_ROOT")):
        return
    is_import = isinstance(error, SettingsInvalid | VariablesMissing)
    what = error.problem.partition("\n")[0]
    place = PLACE.search(what)
    if place and what.startswith(f"{place[1]} requires "):
        what = what.replace(f"{place[1]} requires", "The settings require", 1)
    source, is_source, _ = what.partition(" cannot be collected")
    unplaced = context.project.settings.source
    if is_source and Path(source).is_relative_to(context.root):
        unplaced = files.relative(Path(source), context.root)
    yield Finding(
        IMPORT if is_import else COLLECT,
        Severity.ERROR,
        *split_source(place[1] if place else unplaced),
        what.replace(f"{place[1]}: ", "", 1) if place else what,
        "Collecting the static files fails with this error, and so does building the image.",
        (error.advice or "Fix the error.").replace("--traceback", TRACEBACK),
    )
