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
# Of Kubernetes, Kamal, App Platform and Cloud Run.
DOCUMENTS = ("kubernetes.yaml", "config/deploy.yml", ".do/app.yaml", "cloud-run/service.yaml")
TEMPLATE = re.compile(r"<%|\{\{")


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the files of platforms that are not valid JSON, TOML or YAML, each with its line."""
    for name in (*MAPPINGS, "render.yaml", *DOCUMENTS, *compose_files(context)):
        text = context.read_text(name)
        # Kamal's file may have ERB in it, and Kubernetes' may be a template of Helm.
        if text is None or (name in DOCUMENTS and TEMPLATE.search(text)):
            continue
        try:
            if name in MAPPINGS:
                read_mapping(context, name)
            elif name == "render.yaml":
                files.read_yaml(context.root / name, context.root)
            else:
                _parse_documents(name, text)
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


def _parse_documents(name: str, text: str) -> None:
    """Raise ConfigInvalid if *text* is not YAML: any number of documents, with any tags."""
    import yaml

    try:
        for _ in yaml.compose_all(text, Loader=yaml.SafeLoader):
            pass
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = f"{name}:{mark.line + 1 if mark else 1}: invalid YAML."
        raise ConfigInvalid(problem, "Fix that line.") from error
