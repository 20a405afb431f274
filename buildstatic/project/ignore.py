"""The project's patterns for what is not collected: ``.staticignore``, and its configuration."""

from __future__ import annotations

from pathlib import Path

from buildstatic.project import files
from buildstatic.project.config import Config

FILE = ".staticignore"


def patterns(root: Path, config: Config) -> tuple[tuple[str, str], ...]:
    """Return each pattern with its place: of *config*, then those of `FILE` in *root*.

    They are in gitignore syntax, so that a later one goes before an earlier one.
    """
    source = config.source("ignore")
    found = [(pattern, source) for pattern in config.ignore]
    path = root / FILE
    if files.is_file(path):
        lines = files.read_text(path, root).splitlines()
        found += [(line, f"{FILE}:{number}") for number, line in enumerate(lines, start=1)]
    return tuple(item for item in found if item[0].strip() and not item[0].startswith("#"))
