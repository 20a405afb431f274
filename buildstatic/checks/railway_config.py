"""railway.json and railway.toml, which Railway stops reading.

docs.railway.com/infrastructure-as-code: existing files are read until 2026-12-01.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity

CODES: tuple[str, ...] = ("railway-config-ends",)
DEADLINE = date(2026, 12, 1)
SUCCESSORS = (".railway/railway.py", ".railway/railway.ts", ".railway/railway.go")


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the files that Railway will soon ignore, or already does."""
    is_over = context.today >= DEADLINE
    verb = "stopped" if is_over else "stops"
    successor = next((name for name in SUCCESSORS if context.read_text(name) is not None), None)
    for name in ("railway.json", "railway.toml"):
        if context.read_text(name) is None:
            continue
        if successor:
            severity = Severity.INFO
            why = f"Its settings are ignored then; {successor} exists."
            fix = f"Delete {name} once {successor} is applied."
        else:
            severity = Severity.ERROR if is_over else Severity.WARNING
            why = "Its build, start command and health check are ignored then."
            fix = f"Migrate it: buildstatic generate railway --from {name}"
        what = f"Railway {verb} reading {name} on {DEADLINE}."
        yield Finding(CODES[0], severity, name, 0, what, why, fix)
