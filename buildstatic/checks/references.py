"""References between static files that lead nowhere, by the project's own storage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity
from buildstatic.project import files

MISSING, CIRCLE = "reference-missing", "reference-circle"
CODES = {
    MISSING: "a static file refers to one that is not there",
    CIRCLE: "static files refer to one another in a circle",
}


def find(case: CheckContext) -> Iterator[Finding]:
    """Yield what collecting would stop at; nothing where the project's Python is not at hand."""
    if case.examined is None:
        return
    for reference in case.examined["references"]:
        yield _missing(case, reference)
    if circle := case.examined["circle"]:
        places = [files.relative(Path(place), case.root) for place in circle]
        yield Finding(
            CIRCLE,
            Severity.ERROR,
            places[0],
            0,
            f"These refer to one another in a circle: {', '.join(places)}.",
            "None of them can be named after its content, so collecting stops.",
            "Take one of the references out.",
        )


def _missing(case: CheckContext, reference: dict[str, Any]) -> Finding:
    is_map = reference["map"]
    is_warning = is_map and case.config.options("collect").get("missing_maps") == "warn"
    more = ' Or set missing_maps = "warn" in [tool.buildstatic.collect].' if is_map else ""
    return Finding(
        MISSING,
        Severity.INFO if is_warning else Severity.ERROR,
        files.relative(Path(reference["source"]), case.root),
        reference["line"],
        reference["text"],
        "The line stays as it is." if is_warning else "Collecting stops here.",
        f"Mend the line, add what it names, or leave the file out (ignore).{more}",
    )
