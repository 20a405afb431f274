"""The files that a platform needs: one platform a module, all of one shape.

A module of this package that has a NAME is a platform, and is found by that: a new one is its
module, its template and its golden files.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from buildstatic.platforms.options import Options
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile


class Platform(Protocol):
    """What each module offers: the name it is asked for by, and what it writes.

    *IS_DEFAULT* tells whether its files are written where nobody names any.
    """

    NAME: str
    IS_DEFAULT: bool

    def files(self, project: Project, options: Options) -> tuple[GeneratedFile, ...]:
        """Return the platform's files for *project*; raises ConfigInvalid where it has none."""


def _found() -> tuple[Platform, ...]:
    """Return the platforms by name, those first that are written without being named."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    platforms = (cast("Platform", module) for module in modules if hasattr(module, "NAME"))
    return tuple(sorted(platforms, key=lambda platform: (not platform.IS_DEFAULT, platform.NAME)))


PLATFORMS = _found()
