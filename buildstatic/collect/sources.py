"""The third step: what the finders offer. Nothing is written here, and nothing read but names."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from buildstatic.collect.blame import missing_variable, place, words
from buildstatic.collect.failures import circle, of_source
from buildstatic.collect.request import Request
from buildstatic.errors import CollectFailed


@dataclass(frozen=True, eq=False)
class Source:
    """A file that a finder offers.

    *path* is where it goes in the tree; *name* is what *storage*, the finder's, calls it.
    """

    path: str
    name: str
    storage: Any

    @property
    def place(self) -> str:
        """The file as a person would look for it; a storage need not have paths at all."""
        try:
            return str(self.storage.path(self.name))
        except (AttributeError, NotImplementedError):
            return f"{self.name} in {type(self.storage).__name__}"

    def read(self) -> bytes:
        """Return the content."""
        with self.storage.open(self.name) as file:
            return bytes(file.read())


@dataclass(frozen=True)
class Finder:
    """A finder of the project's, under the name that STATICFILES_FINDERS has for it."""

    name: str
    finder: Any


def load_finders(request: Request) -> tuple[Finder, ...]:
    """Return the finders of the started project, in their order.

    Raises `CollectFailed` or `VariablesMissing` for one that cannot be made.
    """
    from django.conf import settings
    from django.contrib.staticfiles.finders import get_finder

    finders = []
    for name in settings.STATICFILES_FINDERS:
        try:
            finders.append(Finder(name, get_finder(name)))
        except (Exception, SystemExit) as error:
            raise _failed(request, name, error) from error
    return tuple(finders)


def list_sources(request: Request, finders: tuple[Finder, ...]) -> tuple[Source, ...]:
    """Return every file that *finders* offer, in the order in which Django meets them.

    Raises `CollectFailed` or `VariablesMissing` for a finder that raises.
    """
    patterns = ignore_patterns(request)
    sources: list[Source] = []
    for finder in finders:
        try:
            sources += sources_of(finder, patterns)
        except (Exception, SystemExit) as error:
            raise _failed(request, finder.name, error) from error
    return tuple(sources)


def ignore_patterns(request: Request) -> list[str]:
    """Return the patterns to leave out, as collectstatic's ``set_options`` puts them together."""
    from django.apps import apps

    patterns = list(request.ignore)
    if request.default_ignore:
        patterns += apps.get_app_config("staticfiles").ignore_patterns
    return sorted({os.path.normpath(pattern) for pattern in patterns})


def sources_of(finder: Finder, patterns: list[str]) -> Iterator[Source]:
    """Yield what *finder* offers beside what *patterns*, Django's, match.

    A backslash in a name separates, as in the names that ``Storage.save`` gives.
    """
    with _out_of_circles(finder.finder):
        for name, storage in finder.finder.list(patterns):
            prefix = getattr(storage, "prefix", None)
            path = os.path.join(prefix, name) if prefix else name  # noqa: PTH118
            yield Source(path.replace("\\", "/"), name, storage)


@contextmanager
def _out_of_circles(finder: Any) -> Iterator[None]:
    """Let *finder* raise OSError at the first directory that is a link to one that it is in.

    Django follows it until the system has enough of it; where there are two, that is never.
    """
    from django.core.files.storage import FileSystemStorage

    found = getattr(finder, "storages", None)
    storages = list(found.values()) if isinstance(found, dict) else []
    guarded = [s for s in storages if isinstance(s, FileSystemStorage) and "listdir" not in vars(s)]
    for storage in guarded:
        storage.listdir = _guarded(storage)
    try:
        yield
    finally:
        for storage in guarded:
            del storage.listdir


def _guarded(storage: Any) -> Callable[[str], Any]:
    """Return the ``listdir`` of *storage* for paths that lead into no circle."""
    listdir: Callable[[str], Any] = storage.listdir

    def guarded(path: str) -> Any:
        parts = path.split("/")
        if len(set(parts)) < len(parts):  # in a circle names come again
            place = storage.path(path)
            if circle(place, storage.location):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), place)
        return listdir(path)

    return guarded


def _failed(request: Request, name: str, error: BaseException) -> Exception:
    if variable := missing_variable(error, request):
        return variable
    match error:
        case OSError(errno=errno.ELOOP | errno.EACCES) if known := of_source(error):
            return known
    problem = f"The finder {name} raised: {place(error, request)}{words(error)}"
    return CollectFailed(problem, "It is one of STATICFILES_FINDERS in the settings.")
