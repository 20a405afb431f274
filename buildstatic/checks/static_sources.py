"""Where the project's own static files are, by reading the settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from buildstatic.checks.context import CheckContext
from buildstatic.project import files
from buildstatic.project.data import app_directory
from buildstatic.project.settings import Value
from buildstatic.project.static import directory

MOST = 20_000


@dataclass(frozen=True)
class Source:
    """A *directory* of static files, relative to the root or absolute, named at *place*.

    *app* is the app that it belongs to, empty for one of STATICFILES_DIRS; *prefix* goes before the
    names of its files.
    """

    directory: str
    place: str
    app: str = ""
    prefix: str = ""


def directories(case: CheckContext) -> tuple[Source, ...]:
    """Return the directories in the order in which Django's finders look at them."""
    return (*_named(case), *_of_apps(case))


def _named(case: CheckContext) -> Iterator[Source]:
    value = case.settings.get("STATICFILES_DIRS")
    for item in value.data if value is not None and isinstance(value.data, tuple) else ():
        pair = item.data if isinstance(item.data, tuple) else (Value(""), item)
        found = directory(pair[-1], case.search)
        if found is not None:
            prefix = pair[0].data if isinstance(pair[0].data, str) else ""
            yield Source(found.value, item.source or found.source, prefix=prefix)


def _of_apps(case: CheckContext) -> Iterator[Source]:
    value = case.settings.get("INSTALLED_APPS")
    for item in value.data if value is not None and isinstance(value.data, tuple) else ():
        place = app_directory(item.data, case.search)
        if place is not None:
            app = PurePosixPath(place).name
            yield Source(f"{place}/static", item.source, app=app)


def names(case: CheckContext, source: Source) -> Iterator[tuple[str, str]]:
    """Yield the files in *source*: the name that each is collected under, and its path."""
    top = case.root / source.directory
    count = 0
    for directory_, below, found in os.walk(top):
        below[:] = sorted(name for name in below if not name.startswith(".") and name != "CVS")
        for name in sorted(found):
            if name.startswith(".") or name.endswith("~"):
                continue
            path = os.path.join(directory_, name)  # noqa: PTH118
            if not os.path.isfile(path):  # noqa: PTH113 - a pipe would be waited for
                continue
            relative = os.path.relpath(path, top)
            yield str(PurePosixPath(source.prefix, relative)), path
            count += 1
            if count >= MOST:
                return


def is_there(case: CheckContext, source: Source) -> bool:
    """Say whether *source* is a directory that holds a file."""
    return files.is_directory(case.root / source.directory) and any(names(case, source))
