"""What stands beside the code and is not of it: uploads, a local database, installed packages."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import PurePosixPath

from buildstatic.project import files
from buildstatic.project.model import Fact, Project, Sqlite
from buildstatic.project.search import Search
from buildstatic.project.settings import Settings, Value, imports_os
from buildstatic.project.static import directory, entry

SQLITE = "django.db.backends.sqlite3"
USUAL_MEDIA = "media"
USUAL_TREE = "staticfiles"


def media_root(settings: Settings, search: Search) -> Fact[str] | None:
    """Return where uploads are kept: relative to the root, or absolute where it is outside."""
    return directory(settings.get("MEDIA_ROOT"), search)


def uploads(project: Project) -> str | None:
    """Return the directory in *project* that holds uploads, and nothing that a build needs.

    Where no MEDIA_ROOT is found it is the usual one, unless that is a package.
    """
    usual = posixpath.join(posixpath.dirname(project.manage.value), USUAL_MEDIA)
    place = project.media_root.value if project.media_root else usual
    if place.startswith("/") or place == ".":
        return None
    if project.media_root is None and files.is_file(project.root / usual / "__init__.py"):
        return None
    return None if holds_needed(project, place) else place


def tree(project: Project) -> str | None:
    """Return the directory in *project* that files are collected into, if it holds them alone.

    Where no STATIC_ROOT is found it is the usual one.
    """
    place = project.static_root.value if project.static_root else USUAL_TREE
    is_outside = place.startswith("/") or place == "."
    return None if is_outside or holds_needed(project, place) else place


def holds_needed(project: Project, place: str) -> bool:
    """Say whether static files, templates or an app that the settings name are in *place*."""
    return any(PurePosixPath(needed).is_relative_to(place) for needed in project.needed)


def sqlite(settings: Settings, search: Search) -> Fact[Sqlite] | None:
    """Return the default database where that is SQLite, in a file that is always the same."""
    database = entry(settings.get("DATABASES"), "default")
    engine = entry(database, "ENGINE")
    if engine is None or engine.data != SQLITE:
        return None
    name = entry(database, "NAME")
    found = None if name is None or name.reads else directory(name, search)
    if found is None:
        return None
    file, _, _ = found.source.rpartition(":")
    return Fact(Sqlite(found.value, bool(file) and imports_os(file, search)), found.source)


def node_modules(settings: Settings) -> Fact[bool] | None:
    """Return where STATICFILES_DIRS names a directory of installed packages."""
    value = settings.get("STATICFILES_DIRS")
    for item in _items(value):
        if isinstance(item.data, str | PurePosixPath) and "node_modules" in (
            PurePosixPath(item.data).parts
        ):
            return Fact(True, item.source)
    return None


def needed(settings: Settings, search: Search) -> tuple[str, ...]:
    """Return the directories that *settings* name for static files, templates and apps."""
    templates = [entry(engine, "DIRS") for engine in _entries(settings.get("TEMPLATES"))]
    named = [
        *(_last(item) for item in _entries(settings.get("STATICFILES_DIRS"))),
        *(item for value in templates for item in _entries(value)),
    ]
    found = (directory(value, search) for value in named)
    apps = (app_directory(item, search) for item in settings.listed("INSTALLED_APPS"))
    return tuple(dict.fromkeys((*(fact.value for fact in found if fact), *filter(None, apps))))


def _entries(value: Value | None) -> tuple[Value, ...]:
    return value.data if value is not None and isinstance(value.data, tuple) else ()


def _last(value: Value) -> Value:
    """Return the directory of a pair (prefix, directory), and of a directory itself."""
    return _entries(value)[-1] if _entries(value) else value


def app_directory(name: object, search: Search) -> str | None:
    """Return where the app *name* is: ``shop``, ``shop.apps.ShopConfig``; None if not in here."""
    parts = name.split(".") if isinstance(name, str) else []
    for length in range(len(parts), 0, -1):
        place = search.package(".".join(parts[:length]))
        if place is not None:
            return search.relative(place)
    return None


def _items(value: Value | None) -> Iterator[Value]:
    """Yield the entries of a list, and of the pairs (prefix, directory) in it."""
    if value is not None and isinstance(value.data, tuple):
        for item in value.data:
            yield item
            yield from _items(item)
