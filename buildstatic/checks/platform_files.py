"""Files of a platform that cannot be parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildstatic.checks.context import CheckContext
from buildstatic.checks.deployment import read_mapping
from buildstatic.checks.finding import Finding, Severity
from buildstatic.errors import ConfigInvalid
from buildstatic.project import files

CODES: tuple[str, ...] = ("platform-file-invalid",)
MAPPINGS = ("railpack.json", "railway.json", "railway.toml", "app.json", "fly.toml")
PLATFORM_FILES = (*MAPPINGS, "render.yaml")


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the files of platforms that are not valid JSON, TOML or YAML, each with its line."""
    for name in PLATFORM_FILES:
        if context.read_text(name) is None:
            continue
        try:
            if name in MAPPINGS:
                read_mapping(context, name)
            else:
                files.read_yaml(context.root / name, context.root)
        except ConfigInvalid as error:
            place = re.match(rf"{re.escape(name)}:(?:(\d+):)? ", error.problem)
            yield Finding(
                CODES[0],
                Severity.WARNING,
                name,
                int(place[1] or 0) if place else 0,
                f"The file cannot be read: {error.problem[place.end() if place else 0 :]}",
                "The platform cannot read it either, and its commands and volumes are not checked.",
                error.advice or "Fix the file.",
            )
