"""The input of the checks: a project, its settings and the result of examining it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from buildstatic.errors import BuildstaticError
from buildstatic.project import Edit, Project, files
from buildstatic.project.edits import edits
from buildstatic.project.files import Search
from buildstatic.project.manage import read_settings
from buildstatic.project.settings import Settings


@dataclass(frozen=True)
class Examination:
    """What running the project showed.

    *problems* is the result of `buildstatic.collect.examine`, None if there is none. *failure* is
    the error of the project that collecting ends with, and *skipped* says why there are no
    problems, if that is not the project's error. *output* is what the project printed.
    """

    problems: Mapping[str, Any] | None = None
    failure: BuildstaticError | None = None
    skipped: str = ""
    output: str = ""


@dataclass(frozen=True)
class CheckContext:
    """A project to check.

    *settings_files* are the project's files that importing the settings reads; *edits* what the
    project still needs; *today* the date to compare deadlines with.
    """

    project: Project
    settings: Settings
    search: Search
    settings_files: tuple[Path, ...]
    edits: tuple[Edit, ...]
    examination: Examination
    today: date

    @property
    def problems(self) -> Mapping[str, Any] | None:
        """The problems of collecting that running the project found; None if it did not run."""
        return self.examination.problems

    @property
    def root(self) -> Path:
        """The root of the project."""
        return self.project.root

    @property
    def has_local_storage(self) -> bool:
        """Whether the static files storage is known to write to the local disk."""
        return self.project.remote is not None and not self.project.remote.value

    @property
    def static_root(self) -> str | None:
        """STATIC_ROOT relative to the root, if it is known, local and inside the project."""
        if not self.has_local_storage or self.project.static_root is None:
            return None
        path = self.project.static_root.value
        return None if path.startswith(("/", "..")) or path == "." else path

    def needs(self, setting: str) -> bool:
        """Return whether one of the edits sets *setting*."""
        return any(edit.text.startswith(f"{setting} = ") for edit in self.edits)

    def condition(self, file: str, line: int) -> tuple[str, int] | None:
        """Return the condition, and its line, by which the code at *line* of *file* runs.

        None if there is no condition on a variable. DEBUG does not count: it is off in production.
        """
        found = None
        for node in ast.walk(files.read_python(self.root / file, self.root)):
            if isinstance(node, ast.If | ast.IfExp) and node.lineno <= line <= (
                node.end_lineno or 0
            ):
                test = ast.unparse(node.test)
                names = [part.id for part in ast.walk(node.test) if isinstance(part, ast.Name)]
                values = [self.settings.get(name) for name in names]
                reads = "environ" in test or "env(" in test or any(v and v.reads for v in values)
                if reads and "DEBUG" not in test and (found is None or node.lineno < found[1]):
                    found = test, node.lineno
        return found

    def read_text(self, name: str) -> str | None:
        """Return the text of the file *name* in the root, or None if it does not exist."""
        path = self.root / name
        if not files.is_file(path):
            return None
        return files.read_bytes(path, self.root).decode("utf-8-sig", errors="replace")


def load_context(project: Project, examination: Examination, today: date) -> CheckContext:
    """Return the context for checking *project*.

    Raises `ConfigInvalid` if the settings cannot be read.
    """
    settings, search = read_settings(project)
    return CheckContext(
        project,
        settings,
        search,
        settings.modules,
        edits(project, (settings, search)),
        examination,
        today,
    )
