"""References between static files that the project's storage cannot resolve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity
from buildstatic.project import files

MISSING, CIRCLE = "reference-missing", "reference-circle"
CODES: tuple[str, ...] = (MISSING, CIRCLE)


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the references that make collecting fail; nothing if the project did not run."""
    if context.problems is None:
        return
    maps_only_warn = context.project.config.options("collect").get("missing_maps") == "warn"
    for reference in context.problems["references"]:
        is_map = reference["map"]
        is_info = is_map and maps_only_warn
        hint = ' Or set missing_maps = "warn" in [tool.buildstatic.collect].' if is_map else ""
        yield Finding(
            MISSING,
            Severity.INFO if is_info else Severity.ERROR,
            files.relative(Path(reference["source"]), context.root),
            reference["line"],
            reference["text"],
            "The reference is left unchanged." if is_info else "Collecting fails.",
            f"Correct the reference, add the missing file, or ignore this file.{hint}",
        )
    if circle := context.problems["circle"]:
        paths = [files.relative(Path(path), context.root) for path in circle]
        yield Finding(
            CIRCLE,
            Severity.ERROR,
            paths[0],
            0,
            f"These files refer to each other in a cycle: {', '.join(paths)}.",
            "Their names cannot contain a hash of their content, so collecting fails.",
            "Remove one of the references.",
        )
