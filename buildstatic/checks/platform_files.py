"""Files of a platform that cannot be parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildstatic.checks.context import CheckContext
from buildstatic.checks.deployment import compose_files, read_mapping
from buildstatic.checks.finding import Finding, Severity
from buildstatic.errors import ConfigInvalid
from buildstatic.project import files

CODES: tuple[str, ...] = ("platform-file-invalid",)
MAPPINGS = ("railpack.json", "railway.json", "railway.toml", "app.json", "fly.toml")
# Of Render, Kubernetes, Kamal, App Platform and Cloud Run.
DOCUMENTS = (
    "render.yaml",
    "kubernetes.yaml",
    "config/deploy.yml",
    ".do/app.yaml",
    "cloud-run/service.yaml",
)
# Kamal's file may have ERB in it, and Kubernetes' may be a template of Helm.
TEMPLATES = ("kubernetes.yaml", "config/deploy.yml")
TEMPLATE = re.compile(r"<%|\{\{")


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the files of platforms that are not valid JSON, TOML or YAML, each with its line."""
    for name in (*MAPPINGS, *DOCUMENTS, *compose_files(context)):
        text = context.read_text(name)
        if text is None or (name in TEMPLATES and TEMPLATE.search(text)):
            continue
        try:
            if name in MAPPINGS:
                read_mapping(context, name)
            else:
                files.check_yaml(context.root / name, context.root)
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
