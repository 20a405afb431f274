"""DEBUG, in the settings that production would use."""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity, split

ON = "debug-on"
CODES = {ON: "DEBUG is on in the settings that are deployed"}


def find(case: CheckContext) -> Iterator[Finding]:
    """Yield where DEBUG is on, always or unless the environment says otherwise."""
    value = case.settings.get("DEBUG")
    if value is None or not isinstance(value.data, bool | int | str) or not value.data:
        return
    if value.reads:
        what = f"DEBUG is on unless {' or '.join(value.reads)} turns it off."
        fix = "Let it be off where the variable is not set."
    else:
        what = f"DEBUG is on in {case.project.settings.value}."
        fix = "Write DEBUG = False, or name the settings of production with --settings."
    if value.reads and isinstance(value.data, str):
        what = f"DEBUG is text read from {' or '.join(value.reads)}, and any text counts as true."
        fix = f'Write DEBUG = os.environ.get("{value.reads[0]}") == "1"'
    yield Finding(
        ON,
        Severity.WARNING,
        *split(value.source),
        what,
        "Errors show settings and code to everybody, and static files have no fingerprints.",
        fix,
    )
