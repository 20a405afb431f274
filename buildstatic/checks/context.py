"""What the checks look at: the project as it was read, and what its own Python said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from buildstatic.project import Edit, Project, files, manage
from buildstatic.project import settings as settings_module
from buildstatic.project.config import Config
from buildstatic.project.edits import edits
from buildstatic.project.search import Search
from buildstatic.project.settings import Settings
from buildstatic.project.settings.modules import read as read_module


@dataclass(frozen=True)
class CheckContext:
    """A project to examine.

    *modules* are the files that are read when the settings are imported; *edits* what the project
    lacks. *examined* is what `buildstatic.collect.examine` has found, None where nothing could run;
    *today* is the day that it is.
    """

    project: Project
    settings: Settings
    search: Search
    config: Config
    modules: tuple[Path, ...]
    edits: tuple[Edit, ...]
    examined: Mapping[str, Any] | None
    today: date

    @property
    def root(self) -> Path:
        """The project's root."""
        return self.project.root

    @property
    def tree(self) -> str | None:
        """STATIC_ROOT where it is known, local and inside of the project: relative to the root."""
        if not self.is_local or self.project.static_root is None:
            return None
        place = self.project.static_root.value
        return None if place.startswith(("/", "..")) or place == "." else place

    @property
    def is_local(self) -> bool:
        """Whether the storage is known to keep its files on the disk."""
        return self.project.remote is not None and not self.project.remote.value

    def text(self, name: str) -> str | None:
        """Return the text of the file *name* in the root, None where there is none."""
        path = self.root / name
        if not files.is_file(path):
            return None
        return files.read_bytes(path, self.root).decode("utf-8-sig", errors="replace")


def load_context(
    project: Project, config: Config, examined: Mapping[str, Any] | None, today: date
) -> CheckContext:
    """Return what there is to examine of *project*; raises `ConfigInvalid` as reading it did."""
    search = Search(project.root, (project.root / project.manage.value).resolve().parent)
    path = manage.locate(project.settings, search)
    _, reading = read_module(path, search)
    modules = tuple(dict.fromkeys(file for file, _ in reading.modules))
    settings = settings_module.read(path, search)
    return CheckContext(project, settings, search, config, modules, edits(project), examined, today)
