"""Static files in the settings: STATIC_ROOT, STATIC_URL, the storage, and other directories."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TypeGuard

from buildstatic.manage_py.find import MAX_DEPTH, subdirectories
from buildstatic.project import Fact, Packages, Project, files
from buildstatic.project.files import Search
from buildstatic.project.remote_storage import is_remote
from buildstatic.project.settings import ROOT, UNKNOWN, Settings, Value, normalize

DEFAULT_MEDIA = "media"
DEFAULT_STATIC_ROOT = "staticfiles"
NODE_MODULES = "node_modules"
SQLITE_SUFFIXES = (".sqlite3", ".sqlite", ".db")
NGINX_FILE = re.compile(r"\.conf(?:\.\w+)*$")  # nginx.conf, default.conf.template
# Settings of finders that collect from node_modules: the directory that contains it.
NODE_ROOTS = ("NPM_ROOT_PATH", "NPM_PREFIX_PATH", "YARN_ROOT_PATH")


@dataclass(frozen=True)
class StaticFiles:
    """The facts of a project's static files, as in `Project`."""

    static_root: Fact[str] | None
    static_url: Fact[str] | None
    storage: Fact[str] | None
    remote: Fact[bool] | None
    storage_switch: Fact[tuple[str, ...]] | None


def find(settings: Settings, search: Search, *, legacy: bool = True) -> StaticFiles:
    """Return the facts of the static files in *settings*.

    *legacy* is whether the project's Django reads STATICFILES_STORAGE (below 5.1,
    https://docs.djangoproject.com/en/5.1/releases/5.1/#features-removed-in-5-1).
    """
    storage = backend(settings, legacy=legacy)
    remote, switch = _remote(storage, settings, search)
    location = entry(entry(entry(settings.get("STORAGES"), "staticfiles"), "OPTIONS"), "location")
    # A remote storage's location is a place in its bucket.
    is_local = remote is not None and not remote.value
    is_path = location is not None and isinstance(location.data, str | PurePosixPath)
    is_absolute = is_path and location is not None and str(location.data).startswith("/")
    place = location if is_local or is_absolute else None
    url = settings.text("STATIC_URL")
    return StaticFiles(
        directory(place or settings.get("STATIC_ROOT"), search),
        Fact(_full_url(str(url.data)), url.source) if url else None,
        Fact(storage.data, storage.source) if storage and isinstance(storage.data, str) else None,
        remote,
        switch,
    )


def find_web_server(url: str, search: Search) -> Fact[str] | None:
    """Return the server whose configuration in the project serves *url*, or None.

    https://nginx.org/en/docs/http/ngx_http_core_module.html#location and
    https://caddyserver.com/docs/caddyfile/directives/handle_path.
    """
    path = re.escape(url.rstrip("/"))
    places = {
        "nginx": rf"^\s*location\s+(?:[=~^*]+\s*)?\^?{path}\b",
        "Caddy": rf"^\s*(?:handle|handle_path|route|file_server)\s+{path}\b",
    }
    level = [search.root]
    for _ in range(MAX_DEPTH + 1):
        for directory in level:
            for file in _files(directory):
                name = file.name.lower()
                server = "Caddy" if name.startswith("caddyfile") else "nginx"
                if server == "nginx" and not NGINX_FILE.search(name):
                    continue
                text = files.read_bytes(file, search.root).decode(errors="replace")
                if re.search(places[server], text, re.MULTILINE):
                    line = files.line_of(text, places[server])
                    return Fact(server, f"{search.relative(file)}:{line}")
        level = [below for place in level for below in subdirectories(place)]
    return None


def _files(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if files.is_file(path))
    except OSError:
        return []


def backend(settings: Settings, *, legacy: bool) -> Value | None:
    """Return the dotted path of the static files' storage, as a value; None if it is not set."""
    storages = settings.get("STORAGES")
    static = entry(storages, "staticfiles")
    found = entry(static, "BACKEND")
    for outer in (static, storages):  # a branch that sets the whole entry
        if found and outer and outer.switches and None in outer.options:
            options = (*(found.options or (found.data,)), None)
            found = replace(found, options=options, switches=(*found.switches, *outer.switches))
    return settings.get("STATICFILES_STORAGE") if found is None and legacy else found


def _full_url(url: str) -> str:
    """Return STATIC_URL as Django completes it (`LazySettings._add_script_prefix`)."""
    return url if url.startswith(("http://", "https://", "/")) else f"/{url}"


def _remote(
    storage: Value | None, settings: Settings, search: Search
) -> tuple[Fact[bool] | None, Fact[tuple[str, ...]] | None]:
    """Return whether the storage is remote, and the variables that decide that if any do.

    Django's default storage is not remote. A variable like DEBUG decides nothing if only one branch
    sets a storage, because that is the one for production.
    """
    if storage is None:
        return (Fact(False, f"{settings.file}:1") if settings.complete else None), None
    others = (name for name in storage.switches if "DEBUG" not in name.upper())
    switches = tuple(dict.fromkeys(others))
    options = storage.options if storage.data is UNKNOWN or switches else (storage.data,)
    results = {
        is_remote(option, search) if isinstance(option, str) else False if option is None else None
        for option in options or (storage.data,)
    }
    if len(results) == 1:
        remote = results.pop()
        return None if remote is None else Fact(remote, storage.source), None
    is_switched = switches and {True, False} <= results
    return None, Fact(switches, storage.source) if is_switched else None


def reads_legacy_storage(packages: Packages) -> bool:
    """Return whether the project's Django reads STATICFILES_STORAGE: 5.1 and later do not.

    If the version is not restricted, the newest is installed.
    """
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    django = packages.get("django")
    try:
        specifier = SpecifierSet(django.specifier if django else "<5")
        stated = [Version(item.version.removesuffix(".*")) for item in specifier]
        candidates = [Version("5.1"), Version("5.2"), Version("6"), Version("99"), *stated]
        return not any(
            version >= Version("5.1") and specifier.contains(version, prereleases=True)
            for version in candidates
        )
    except ValueError:  # an invalid specifier or version, or a number of thousands of digits
        return True


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


def log_files(settings: Settings, search: Search) -> tuple[Fact[str], ...]:
    """Return the files that handlers of LOGGING write, relative to the root, if they are in it."""
    handlers = entry(settings.get("LOGGING"), "handlers")
    names = handlers.data if handlers is not None and isinstance(handlers.data, dict) else {}
    found = (directory(entry(handler, "filename"), search) for handler in names.values())
    return tuple(file for file in found if file is not None and not file.value.startswith("/"))


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


def node_modules(settings: Settings, search: Search) -> tuple[Fact[str], ...]:
    """Return the ``node_modules`` directories that the settings collect from.

    They are named by STATICFILES_DIRS or linked from a directory in it, and named by the settings
    of finders: NPM_ROOT_PATH of django-npm (NpmFinder), NODE_MODULES_ROOT of django-node-assets
    (NodeModulesFinder).
    """
    found: dict[str, Fact[str]] = {}
    for item in _flatten(settings.get("STATICFILES_DIRS")):
        fact = directory(item, search)
        if fact is None:
            continue
        place = search.root / fact.value
        links = (link for name in files.names(place) if (link := place / name).is_symlink())
        targets = (files.relative(files.resolved(link), search.root) for link in links)
        for path in (fact.value, *targets):
            parts = PurePosixPath(path).parts
            if NODE_MODULES in parts:
                modules = str(PurePosixPath(*parts[: parts.index(NODE_MODULES) + 1]))
                found.setdefault(modules, Fact(modules, fact.source))
    for item in _entries(settings.get("STATICFILES_FINDERS")):
        name = item.data.rpartition(".")[2].lower() if isinstance(item.data, str) else ""
        if not re.search("npm|nodemodules|yarn", name):
            continue
        above = next((v for v in map(settings.get, NODE_ROOTS) if v is not None), Value("."))
        fact = directory(settings.get("NODE_MODULES_ROOT"), search) or directory(above, search)
        path = posixpath.normpath(fact.value if fact else ".")
        if PurePosixPath(path).name != NODE_MODULES:
            path = posixpath.normpath(posixpath.join(path, NODE_MODULES))
        found.setdefault(path, Fact(path, item.source))
    return tuple(found.values())


def named_paths(settings: Settings, search: Search) -> tuple[str, ...]:
    """Return the paths in the project that any setting names, below the root."""
    facts = (directory(item, search) for item in _values(settings) if _is_path(item.data))
    found = (*needed(settings, search), *(fact.value for fact in facts if fact))
    return tuple(path for path in dict.fromkeys(found) if path != "." and not path.startswith("/"))


def sqlite_files(settings: Settings, search: Search) -> tuple[Fact[str], ...]:
    """Return the SQLite databases in the project that any setting names, in one of its branches.

    Relative to the root. Beside DATABASES, settings of task queues and caches name such files.
    """
    values = (
        replace(item, data=data)
        for item in _values(settings)
        for data in (item.data, *item.options)
        if _is_path(data) and PurePosixPath(data).suffix in SQLITE_SUFFIXES
    )
    facts = (directory(value, search) for value in values)
    found = {fact.value: fact for fact in facts if fact and not fact.value.startswith("/")}
    return tuple(found[name] for name in sorted(found))


def _values(settings: Settings) -> Iterator[Value]:
    """Yield the values of all settings, and those in them."""
    left = [value for name, value in settings.names.items() if not name.startswith("__")]
    seen = set[int]()
    while left:
        item = left.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item.data, dict):
            left += item.data.values()
        elif isinstance(item.data, tuple):
            left += item.data
        else:
            yield item


def _is_path(data: object) -> TypeGuard[str | PurePosixPath]:
    """Return whether *data* is a path below the root."""
    return isinstance(data, PurePosixPath) or (
        isinstance(data, str) and data.startswith(f"{ROOT}/")
    )


def needed(settings: Settings, search: Search) -> tuple[str, ...]:
    """Return the directories that *settings* name for static files, templates and apps."""
    engines = _entries(settings.get("TEMPLATES"))
    templates = [value for engine in engines for value in _entries(entry(engine, "DIRS"))]
    found = (directory(value, search) for value in templates)
    named = (*static_directories(settings, search), *(fact.value for fact in found if fact))
    apps = (app_directory(item, search) for item in settings.listed("INSTALLED_APPS"))
    return tuple(dict.fromkeys((*named, *filter(None, apps))))


def static_directories(settings: Settings, search: Search) -> tuple[str, ...]:
    """Return the directories in STATICFILES_DIRS; relative to the root, or absolute."""
    # A pair is a prefix and a directory.
    items = _entries(settings.get("STATICFILES_DIRS"))
    values = (_entries(item)[-1] if _entries(item) else item for item in items)
    found = (directory(value, search) for value in values)
    return tuple(dict.fromkeys(fact.value for fact in found if fact))


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
