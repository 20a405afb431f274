"""The sources: the files that the finders offer."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from buildstatic.collect.failures import finder_error, link_cycle
from buildstatic.collect.name_patterns import used_by_finders
from buildstatic.collect.request import Request
from buildstatic.collect.staticfiles import Finder, unwrap


@dataclass(frozen=True, eq=False)
class Source:
    """A file that a finder offers.

    *path* is its path in the tree; *name* is its name in *storage*, the finder's.
    """

    path: str
    name: str
    storage: Any

    @property
    def place(self) -> str:
        """The file's path on disk, or its name and storage if the storage has no paths."""
        try:
            return str(self.storage.path(self.name))
        except (AttributeError, NotImplementedError):
            return f"{self.name} in {type(self.storage).__name__}"

    def local_path(self) -> str:
        """Return the file's path, or an empty string if only its storage can open it."""
        kind: type = type(self.storage)
        path_of = _path_function(kind)
        return path_of(self.storage, self.name) if path_of else ""

    def read(self) -> bytes:
        """Return the content."""
        with self.storage.open(self.name) as file:
            return bytes(file.read())


@cache
def _path_function(kind: Any) -> Callable[[Any, str], str] | None:
    """Return what gives the path of a file for a storage of *kind* and a name.

    None if only the storage can open its files.
    """
    from django.core.files.storage import FileSystemStorage
    from django.utils.functional import LazyObject

    if issubclass(kind, LazyObject):
        return lambda storage, name: Source(name, name, unwrap(storage)).local_path()
    if not (
        issubclass(kind, FileSystemStorage)
        and kind.open is FileSystemStorage.open
        and kind._open is FileSystemStorage._open
    ):
        return None
    if kind.path is FileSystemStorage.path:
        return lambda storage, name: f"{storage.location}/{name}"
    return lambda storage, name: str(storage.path(name))


@dataclass(frozen=True)
class Ignored:
    """A source that is left out, and the *rule* that excludes it."""

    source: Source
    rule: str


def offered_sources(request: Request, finders: Iterable[Finder]) -> list[Source]:
    """Return what *finders* offer, in Django's order, without what Django ignores.

    Raises `CollectFailed` or `VariablesMissing` for a finder that raises.
    """
    patterns = _django_patterns(request)
    offered: list[Source] = []
    for finder in finders:
        try:
            offered += sources_of(finder, patterns)
        except (Exception, SystemExit) as error:
            raise finder_error(finder.name, error, request) from error
    return offered


def _django_patterns(request: Request) -> list[str]:
    """Return Django's ignore patterns, as ``Command.set_options`` of collectstatic does."""
    from django.apps import apps

    patterns = list(request.options.ignore)
    if request.options.default_ignore:
        patterns += apps.get_app_config("staticfiles").ignore_patterns
    return sorted({os.path.normpath(pattern) for pattern in patterns})


def sources_of(finder: Finder, patterns: list[str]) -> Iterator[Source]:
    """Yield what *finder* offers without what *patterns*, Django's, match.

    A backslash in a name is a separator, as in the names that ``Storage.save`` returns.
    """
    with _without_link_cycles(finder.finder), used_by_finders():
        for name, storage in finder.finder.list(patterns):
            prefix = getattr(storage, "prefix", None)
            path = os.path.join(prefix, name) if prefix else name  # noqa: PTH118
            yield Source(path.replace("\\", "/"), name, storage)


@contextmanager
def _without_link_cycles(finder: Any) -> Iterator[None]:
    """Make *finder* raise OSError at the first directory that is a link to one of its parents.

    Django follows it until the system stops it; with two such links, that is never.
    """
    from django.core.files.storage import FileSystemStorage

    found = getattr(finder, "storages", None)
    storages = list(found.values()) if isinstance(found, dict) else []
    guarded = [s for s in storages if isinstance(s, FileSystemStorage) and "listdir" not in vars(s)]
    for storage in guarded:
        storage.listdir = _guarded_listdir(storage)
    try:
        yield
    finally:
        for storage in guarded:
            del storage.listdir


def _guarded_listdir(storage: Any) -> Callable[[str], Any]:
    listdir: Callable[[str], Any] = storage.listdir

    def guarded(path: str) -> Any:
        parts = path.split("/")
        if len(set(parts)) < len(parts):  # in a cycle, names repeat
            place = storage.path(path)
            if link_cycle(place, storage.location):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), place)
        return listdir(path)

    return guarded


def ignored_by_django(
    request: Request, finders: Iterable[Finder], sources: Sequence[Source]
) -> list[Ignored]:
    """Return what *finders* offer beside *sources* if Django ignores nothing."""
    patterns = _django_patterns(request)
    known = {(source.path, source.name, id(source.storage)) for source in sources}
    return [
        Ignored(source, _django_rule(source.name, patterns))
        for finder in finders
        for source in sources_of(finder, [])
        if (source.path, source.name, id(source.storage)) not in known
    ]


def _django_rule(name: str, patterns: Iterable[str]) -> str:
    """Return the pattern that excludes *name* (``django.contrib.staticfiles.utils``)."""
    parts = name.split("/")
    parents = ["/".join(parts[: length + 1]) for length in range(len(parts))]
    for pattern in patterns:
        if any(fnmatchcase(part, pattern) for part in (*parts, *parents)):
            return f"{pattern} (Django)"
    return "Django's patterns"
