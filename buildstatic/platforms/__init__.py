"""The files that each platform needs: one target per module, all with the same interface.

A module of this package with a NAME is a target. A new target is a module, a template, its golden
files and a page in docs/how-to/.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from buildstatic.platforms.options import Options
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile


class Platform(Protocol):
    """The interface of a target: its name, one line on it, whether it is a default, its files."""

    NAME: str
    SUMMARY: str
    IS_DEFAULT: bool

    def files(self, project: Project, options: Options) -> tuple[GeneratedFile, ...]:
        """Return the files for *project*; raises ConfigInvalid if they cannot be generated."""


def _find_platforms() -> tuple[Platform, ...]:
    """Return the targets sorted by name, the default ones first."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    platforms = (cast("Platform", module) for module in modules if hasattr(module, "NAME"))
    return tuple(sorted(platforms, key=lambda platform: (not platform.IS_DEFAULT, platform.NAME)))


PLATFORMS = _find_platforms()
