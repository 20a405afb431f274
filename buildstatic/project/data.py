"""What stands beside the code and is not of it: uploads, a local database, installed packages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from buildstatic.project.model import Fact
from buildstatic.project.reader import Value
from buildstatic.project.search import Search
from buildstatic.project.settings import Settings
from buildstatic.project.static import directory, entry

SQLITE = "django.db.backends.sqlite3"


def media_root(settings: Settings, search: Search) -> Fact[str] | None:
    """Return where uploads are kept: relative to the root, or absolute where it is outside."""
    return directory(settings.get("MEDIA_ROOT"), search)


def sqlite(settings: Settings, search: Search) -> Fact[str] | None:
    """Return the file of the default database where that is SQLite, as `media_root` does.

    None where the environment has a say in it.
    """
    database = entry(settings.get("DATABASES"), "default")
    engine = entry(database, "ENGINE")
    if engine is None or engine.data != SQLITE:
        return None
    name = entry(database, "NAME")
    return None if name is None or name.reads else directory(name, search)


def node_modules(settings: Settings) -> Fact[bool] | None:
    """Return where STATICFILES_DIRS names a directory of installed packages."""
    value = settings.get("STATICFILES_DIRS")
    for item in _items(value):
        if isinstance(item.data, str | PurePosixPath) and "node_modules" in (
            PurePosixPath(item.data).parts
        ):
            return Fact(True, item.source)
    return None


def _items(value: Value | None) -> Iterator[Value]:
    """Yield the entries of a list, and of the pairs (prefix, directory) in it."""
    if value is not None and isinstance(value.data, tuple):
        for item in value.data:
            yield item
            yield from _items(item)
