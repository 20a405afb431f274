"""railway.json and railway.toml, which Railway stops reading.

docs.railway.com/infrastructure-as-code: existing ones are read until 2026-12-01.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity
from buildstatic.checks.services import RAILWAY_JSON, RAILWAY_TOML

ENDS = "railway-config-ends"
CODES = {ENDS: "Railway stops reading railway.json and railway.toml"}
LAST = date(2026, 12, 1)
SUCCESSORS = (".railway/railway.py", ".railway/railway.ts", ".railway/railway.go")


def find(case: CheckContext) -> Iterator[Finding]:
    """Yield the files that are about to be ignored, or are by now."""
    successor = next((name for name in SUCCESSORS if case.text(name) is not None), None)
    for name in (RAILWAY_JSON, RAILWAY_TOML):
        if case.text(name) is None:
            continue
        is_over = case.today >= LAST
        severity = Severity.ERROR if is_over else Severity.WARNING
        yield Finding(
            ENDS,
            Severity.INFO if successor else severity,
            name,
            0,
            f"Railway {'has read' if is_over else 'reads'} {name} until {LAST}.",
            f"What it says is ignored then; {successor} is there."
            if successor
            else "What it says is ignored then: the build, the start command, the health check.",
            f"Take {name} out once {successor} is applied."
            if successor
            else f"Carry it over: buildstatic generate railway --from {name}",
        )
