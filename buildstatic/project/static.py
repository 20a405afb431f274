"""Where the static files are collected to, under which URL, and by which storage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from buildstatic.project.model import Fact
from buildstatic.project.search import Search
from buildstatic.project.settings import ROOT, UNKNOWN, Settings, Value, normalize
from buildstatic.project.storages import is_remote


@dataclass(frozen=True)
class Static:
    """The facts of a project's static files, as in `Project`."""

    static_root: Fact[str] | None
    static_url: Fact[str] | None
    storage: Fact[str] | None
    remote: Fact[bool] | None


def find(settings: Settings, search: Search, *, legacy: bool = True) -> Static:
    """Return what *settings* say of the static files.

    *legacy* is whether the project's Django still reads STATICFILES_STORAGE (below 5.1,
    https://docs.djangoproject.com/en/5.1/releases/5.1/#features-removed-in-5-1).
    """
    storage = entry(settings.get("STORAGES"), "staticfiles")
    location = entry(entry(storage, "OPTIONS"), "location")
    found = backend(settings, legacy=legacy)
    remote = _remote(found, settings, search)
    # A remote storage's location is a place in its bucket.
    local = remote is not None and not remote.value
    place = location if local or _is_absolute(location) else None
    return Static(
        directory(place or settings.get("STATIC_ROOT"), search),
        _url(settings),
        _fact(found),
        remote,
    )


def backend(settings: Settings, *, legacy: bool) -> Value | None:
    """Return the dotted path of the static files' storage, as a value; None where none is set."""
    found = entry(entry(settings.get("STORAGES"), "staticfiles"), "BACKEND")
    return settings.get("STATICFILES_STORAGE") if found is None and legacy else found


def entry(value: Value | None, key: str) -> Value | None:
    """Return the entry *key* of a dictionary, or None; of what is unknown, the unknown."""
    if value is None or value.data is UNKNOWN:
        return value
    found: Value | None = value.data.get(key) if isinstance(value.data, dict) else None
    return found


def _fact(value: Value | None) -> Fact[str] | None:
    known = value is not None and isinstance(value.data, str)
    return Fact(str(value.data), value.source) if known and value is not None else None


def _remote(backend: Value | None, settings: Settings, search: Search) -> Fact[bool] | None:
    """Return whether the storage is remote; Django's default is not.

    Where it is one or another (``if DEBUG:``), both have to be of one kind.
    """
    if backend is None:
        return None if settings.classes else Fact(False, f"{settings.file}:1")
    options = backend.options if backend.data is UNKNOWN else (backend.data,)
    kinds = {is_remote(name, search) if isinstance(name, str) else None for name in options}
    remote = kinds.pop() if len(kinds) == 1 else None
    return None if remote is None else Fact(remote, backend.source)


def _is_absolute(value: Value | None) -> bool:
    return value is not None and (
        isinstance(value.data, str | PurePosixPath) and str(value.data).startswith("/")
    )


def directory(value: Value | None, search: Search) -> Fact[str] | None:
    """Return the directory relative to the root, or absolute where it is outside.

    One that is written relative counts from manage.py's directory, where manage.py is run.
    """
    if value is None or not isinstance(value.data, str | PurePosixPath) or not str(value.data):
        return None
    path = normalize(ROOT / search.relative(search.manage) / value.data)
    inside = path.is_relative_to(ROOT)
    return Fact(str(path.relative_to(ROOT) if inside else path), value.source)


def _url(settings: Settings) -> Fact[str] | None:
    """Return STATIC_URL as Django completes it (`LazySettings._add_script_prefix`)."""
    value = settings.text("STATIC_URL")
    if value is None:
        return None
    url = str(value.data)
    full = url if url.startswith(("http://", "https://", "/")) else f"/{url}"
    return Fact(full, value.source)
