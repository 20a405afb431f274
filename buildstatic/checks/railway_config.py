"""Files for Railway that it does not read, or will not any more.

docs.railway.com/infrastructure-as-code: existing railway.json and railway.toml are read until
2026-12-01. docs.railway.com/builds/dockerfiles: a Dockerfile in the root is used in place of
Railpack, which reads railpack.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity

CODES: tuple[str, ...] = ("railway-config-ends", "railpack-config-unused")
DEADLINE = date(2026, 12, 1)
RAILPACK = "railpack.json"
SUCCESSORS = (RAILPACK, ".railway/railway.py", ".railway/railway.ts", ".railway/railway.go")


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the files that Railway ignores, or soon will."""
    if context.read_text(RAILPACK) is not None and context.read_text("Dockerfile") is not None:
        yield Finding(
            CODES[1],
            Severity.WARNING,
            RAILPACK,
            0,
            "Railway does not read railpack.json, because there is a Dockerfile.",
            "Its start command and its steps are not run.",
            "Delete one of the two, or exclude the Dockerfile from the deployment.",
        )
    is_over = context.today >= DEADLINE
    verb = "stopped" if is_over else "stops"
    successor = next((name for name in SUCCESSORS if context.read_text(name) is not None), None)
    for name in ("railway.json", "railway.toml"):
        if context.read_text(name) is None:
            continue
        if successor:
            severity = Severity.INFO
            why = f"Its settings are ignored then; {successor} exists."
            fix = f"Delete {name} once a deployment has used {successor}."
        else:
            severity = Severity.ERROR if is_over else Severity.WARNING
            why = "Its build, start command and health check are ignored then."
            fix = (
                "For its commands: buildstatic generate railway. For all its settings: "
                f"buildstatic generate railway-iac --from {name}"
            )
        what = f"Railway {verb} reading {name} on {DEADLINE}."
        yield Finding(CODES[0], severity, name, 0, what, why, fix)
