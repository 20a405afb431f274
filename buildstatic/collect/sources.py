"""The source files that the project's finders offer; only names are read here."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from buildstatic.collect.failures import (
    describe_error,
    link_cycle,
    missing_variable,
    source_error,
)
from buildstatic.collect.request import Request
from buildstatic.errors import CollectFailed

# What may make a path invalid; Django decides.
_SUSPICIOUS = re.compile(r"^/|\.\.|(?:^|/)\.?$")


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

    def read(self) -> bytes:
        """Return the content."""
        with self.storage.open(self.name) as file:
            return bytes(file.read())


@dataclass(frozen=True)
class Finder:
    """A finder and its name in STATICFILES_FINDERS."""

    name: str
    finder: Any


def load_finders(request: Request) -> tuple[Finder, ...]:
    """Return the finders of the started project, in their order.

    Raises `CollectFailed` or `VariablesMissing` for one that cannot be created.
    """
    from django.conf import settings
    from django.contrib.staticfiles.finders import get_finder

    finders = []
    for name in settings.STATICFILES_FINDERS:
        try:
            finders.append(Finder(name, get_finder(name)))
        except (Exception, SystemExit) as error:
            raise _finder_error(request, name, error) from error
    return tuple(finders)


def list_sources(request: Request, finders: tuple[Finder, ...]) -> tuple[Source, ...]:
    """Return every file that *finders* offer, in Django's order.

    Raises `CollectFailed` or `VariablesMissing` for a finder that raises.
    """
    patterns = ignore_patterns(request)
    sources: list[Source] = []
    for finder in finders:
        try:
            sources += sources_of(finder, patterns)
        except (Exception, SystemExit) as error:
            raise _finder_error(request, finder.name, error) from error
    return tuple(sources)


def ignore_patterns(request: Request) -> list[str]:
    """Return Django's ignore patterns, as ``Command.set_options`` of collectstatic does."""
    from django.apps import apps

    patterns = list(request.ignore)
    if request.default_ignore:
        patterns += apps.get_app_config("staticfiles").ignore_patterns
    return sorted({os.path.normpath(pattern) for pattern in patterns})


def sources_of(finder: Finder, patterns: list[str]) -> Iterator[Source]:
    """Yield what *finder* offers without what *patterns*, Django's, match.

    A backslash in a name is a separator, as in the names that ``Storage.save`` returns.
    """
    with _without_link_cycles(finder.finder):
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


def _finder_error(request: Request, name: str, error: BaseException) -> Exception:
    if variable := missing_variable(error, request):
        return variable
    match error:
        case OSError(errno=errno.ELOOP | errno.EACCES) if known := source_error(error):
            return known
    problem = f"The finder {name} failed: {describe_error(error, request)}"
    return CollectFailed(problem, "It is one of STATICFILES_FINDERS in the settings.")


def check_path(source: Source) -> None:
    """Raise SuspiciousFileOperation, as Django does, if *source* is outside the tree."""
    if _SUSPICIOUS.search(source.path):
        from django.core.files.utils import validate_file_name

        validate_file_name(source.path, allow_relative_path=True)


def check_paths(sources: Iterable[Source]) -> None:
    """Raise `CollectFailed` for the first of *sources* that `check_path` rejects."""
    from django.core.exceptions import SuspiciousFileOperation

    for source in sources:
        try:
            check_path(source)
        except SuspiciousFileOperation as error:
            try:
                place = source.place
            except SuspiciousFileOperation:  # a storage may reject the name that it offers
                place = source.name
            problem = f"{place} cannot be collected: {error}."
            advice = "Rename it, or exclude it with --ignore PATTERN."
            raise CollectFailed(problem, advice) from error
