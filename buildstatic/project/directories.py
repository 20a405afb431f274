"""Directories that the settings name: uploads, templates, apps, static files, node_modules."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import PurePosixPath

from buildstatic.project import files
from buildstatic.project.model import Fact, Project
from buildstatic.project.search import Search
from buildstatic.project.settings import ROOT, UNKNOWN, Settings, Value, normalize

DEFAULT_MEDIA = "media"
DEFAULT_STATIC_ROOT = "staticfiles"


def entry(value: Value | None, key: str) -> Value | None:
    """Return the entry *key* of a dict, or None; for an unknown *value*, that value."""
    if value is None or value.data is UNKNOWN:
        return value
    found: Value | None = value.data.get(key) if isinstance(value.data, dict) else None
    return found


def directory(value: Value | None, search: Search) -> Fact[str] | None:
    """Return the path *value* relative to the root, or absolute if it is outside.

    A relative path is resolved from manage.py's directory, where manage.py is run.
    """
    if value is None or not isinstance(value.data, str | PurePosixPath) or not str(value.data):
        return None
    path = normalize(ROOT / search.relative(search.manage) / value.data)
    inside = path.is_relative_to(ROOT)
    return Fact(str(path.relative_to(ROOT) if inside else path), value.source)


def media_root(settings: Settings, search: Search) -> Fact[str] | None:
    """Return the directory of uploads: relative to the root, or absolute if it is outside."""
    return directory(settings.get("MEDIA_ROOT"), search)


def uploads(project: Project) -> str | None:
    """Return the directory in *project* that holds uploads and nothing that a build needs.

    Without a MEDIA_ROOT it is ``media`` beside manage.py, unless that is a package.
    """
    default = posixpath.join(posixpath.dirname(project.manage.value), DEFAULT_MEDIA)
    place = project.media_root.value if project.media_root else default
    if place.startswith("/") or place == ".":
        return None
    if project.media_root is None and files.is_file(project.root / default / "__init__.py"):
        return None
    return None if contains_needed(project, place) else place


def output_tree(project: Project) -> str | None:
    """Return the directory in *project* that files are collected into, if it has no other files.

    Without a STATIC_ROOT it is ``staticfiles``.
    """
    place = project.static_root.value if project.static_root else DEFAULT_STATIC_ROOT
    is_outside = place.startswith("/") or place == "."
    return None if is_outside or contains_needed(project, place) else place


def contains_needed(project: Project, place: str) -> bool:
    """Return whether static files, templates or an app named by the settings are in *place*."""
    return any(PurePosixPath(needed).is_relative_to(place) for needed in project.needed)


def node_modules(settings: Settings) -> Fact[bool] | None:
    """Return a fact if STATICFILES_DIRS names a directory in ``node_modules``, else None."""
    for item in _flatten(settings.get("STATICFILES_DIRS")):
        if isinstance(item.data, str | PurePosixPath) and "node_modules" in (
            PurePosixPath(item.data).parts
        ):
            return Fact(True, item.source)
    return None


def needed(settings: Settings, search: Search) -> tuple[str, ...]:
    """Return the directories that *settings* name for static files, templates and apps."""
    static_dirs = _entries(settings.get("STATICFILES_DIRS"))
    # A pair is a prefix and a directory.
    named = [_entries(item)[-1] if _entries(item) else item for item in static_dirs]
    for engine in _entries(settings.get("TEMPLATES")):
        named += _entries(entry(engine, "DIRS"))
    found = (directory(value, search) for value in named)
    apps = (app_directory(item, search) for item in settings.listed("INSTALLED_APPS"))
    return tuple(dict.fromkeys((*(fact.value for fact in found if fact), *filter(None, apps))))


def app_directory(name: object, search: Search) -> str | None:
    """Return the directory of the app ``shop`` or ``shop.apps.ShopConfig``; None if external."""
    parts = name.split(".") if isinstance(name, str) else []
    for length in range(len(parts), 0, -1):
        place = search.package(".".join(parts[:length]))
        if place is not None:
            return search.relative(place)
    return None


def _entries(value: Value | None) -> tuple[Value, ...]:
    return value.data if value is not None and isinstance(value.data, tuple) else ()


def _flatten(value: Value | None) -> Iterator[Value]:
    for item in _entries(value):
        yield item
        yield from _flatten(item)
