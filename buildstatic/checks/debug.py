"""DEBUG in the deployed settings."""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity, split_source

CODES: tuple[str, ...] = ("debug-on",)


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield a finding if DEBUG is on, always or unless an environment variable disables it."""
    value = context.settings.get("DEBUG")
    if value is None or not isinstance(value.data, bool | int | str) or not value.data:
        return
    variables = " or ".join(value.reads)
    if value.reads and isinstance(value.data, str):
        what = f"DEBUG is a string read from {variables}, and every non-empty string is true."
        fix = f'Use DEBUG = os.environ.get("{value.reads[0]}") == "1"'
    elif value.reads:
        what = f"DEBUG is on unless {variables} turns it off."
        fix = "Make DEBUG default to False if the variable is not set."
    else:
        what = f"DEBUG is on in {context.project.settings.value}."
        fix = "Set DEBUG = False, or name the production settings with --settings."
    yield Finding(
        CODES[0],
        Severity.WARNING,
        *split_source(value.source),
        what,
        "Error pages show settings and code to everyone, and static files have no fingerprints.",
        fix,
    )
