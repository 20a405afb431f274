"""Paths as settings build them: ``os.path``, ``pathlib`` and django-environ's ``Path``."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from pathlib import PurePosixPath

from buildstatic.project.settings.values import UNKNOWN

PATHS = frozenset(
    {
        "pathlib.Path",
        "pathlib.PosixPath",
        "pathlib.PurePath",
        "pathlib.PurePosixPath",
        "environ.Path",
        "environ.environ.Path",
        "unipath.Path",
    }
)
JOINING = frozenset({"joinpath", "path", "child", "__call__"})
ABSOLUTE = frozenset({"resolve", "absolute"})


def normal(path: PurePosixPath) -> PurePosixPath:
    """Return *path* without ``.`` and ``..``; above the top there is nothing."""
    return PurePosixPath(posixpath.normpath(path))


def method(path: PurePosixPath, name: str, given: list[object], cwd: PurePosixPath) -> object:
    """Return ``path.name(*given)``, seen from the directory *cwd*."""
    parts = [part for part in given if isinstance(part, str | PurePosixPath)]
    if name in JOINING and len(parts) == len(given):
        return path.joinpath(*parts)
    if name in ABSOLUTE:
        return normal(cwd / path)
    if name in ("as_posix", "__str__"):
        return str(path)
    if name in ("with_name", "with_suffix") and isinstance(given[0], str):
        return getattr(path, name)(given[0])
    return UNKNOWN


def function(name: str, given: list[object], cwd: PurePosixPath) -> object:
    """Return what ``os.path`` and ``pathlib`` make of *given*; UNKNOWN for any other *name*."""
    if not all(isinstance(part, str | PurePosixPath) for part in given):
        return UNKNOWN
    if name in PATHS:
        path = PurePosixPath(*map(str, given))
        return normal(cwd / path) if name.startswith("environ") else path
    if name in OS and given:
        return OS[name](given, cwd)
    return UNKNOWN


def _absolute(given: list[object], cwd: PurePosixPath) -> str:
    return str(normal(cwd / str(given[0])))


OS: dict[str, Callable[[list[object], PurePosixPath], str]] = {
    "os.path.join": lambda given, _: posixpath.join(*map(str, given)),
    "os.path.dirname": lambda given, _: posixpath.dirname(str(given[0])),
    "os.path.basename": lambda given, _: posixpath.basename(str(given[0])),
    "os.path.normpath": lambda given, _: posixpath.normpath(str(given[0])),
    "os.path.abspath": _absolute,
    "os.path.realpath": _absolute,
    "os.fspath": lambda given, _: str(given[0]),
}
