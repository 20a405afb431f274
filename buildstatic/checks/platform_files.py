"""Files of a platform that cannot be parsed."""

from __future__ import annotations

import codecs
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
    "cloud-run/migrate.yaml",
)
# Kamal's file may have ERB in it, and Kubernetes' may be a template of Helm.
TEMPLATES = ("kubernetes.yaml", "config/deploy.yml")
TEMPLATE = re.compile(r"<%|\{\{")
PROCFILE, RAILWAY = "Procfile", ".railway/railway.py"
PROCESS = re.compile(r"([A-Za-z0-9_-]+):\s*\S")
WHY = "The platform cannot read it either, and its commands and volumes are not checked."
WHY_PROCFILE = "Some platforms refuse such a file, others ignore a line of it."
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the files of platforms that are not valid in their language, each with its line."""
    for name in (*MAPPINGS, *DOCUMENTS, *compose_files(context), PROCFILE, RAILWAY):
        text = context.read_text(name)
        if text is None or (name in TEMPLATES and TEMPLATE.search(text)):
            continue
        try:
            _parse(context, name)
        except ConfigInvalid as error:
            place = re.match(rf"{re.escape(name)}:(?:(\d+):)? ", error.problem)
            yield Finding(
                CODES[0],
                Severity.WARNING,
                name,
                int(place[1] or 0) if place else 0,
                f"The file cannot be read: {error.problem[place.end() if place else 0 :]}",
                WHY_PROCFILE if name == PROCFILE else WHY,
                error.advice or "Fix the file.",
            )


def _parse(context: CheckContext, name: str) -> None:
    """Raise ConfigInvalid, with the line, if the file *name* is not valid."""
    path = context.root / name
    marks = UTF16 if name in MAPPINGS else (*UTF16, codecs.BOM_UTF8) if name == PROCFILE else ()
    if files.read_bytes(path, context.root).startswith(marks):
        problem = f"{name}:1: it begins with a byte order mark."
        raise ConfigInvalid(problem, "Save the file as UTF-8 without it.")
    if name in MAPPINGS:
        read_mapping(context, name)
    elif name == PROCFILE:
        _parse_procfile(context)
    elif name == RAILWAY:
        files.read_python(path, context.root)
    else:
        files.check_yaml(path, context.root)


def _parse_procfile(context: CheckContext) -> None:
    """Raise ConfigInvalid for the first line of the Procfile that Heroku or Dokku may not accept.

    github.com/heroku/buildpacks-procfile, src/procfile.rs; github.com/dokku/procfile-util,
    procfile/parse.go.
    """
    names: set[str] = set()
    text = files.read_text(context.root / PROCFILE, context.root)
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        process = PROCESS.match(line.lstrip())
        if process is None:
            raise ConfigInvalid(
                f"{PROCFILE}:{number}: the line is not NAME: COMMAND.",
                "Write a name of letters, digits, - and _, a colon, and the command on one line.",
            )
        if process[1] in names:
            problem = f"{PROCFILE}:{number}: there is a process {process[1]} already."
            raise ConfigInvalid(problem, "Keep one of them.")
        names.add(process[1])
