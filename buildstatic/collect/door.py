"""The engine behind ``manage.py collectstatic``: what Django's own command would say and raise."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from buildstatic.collect.cache import Cache, default_directory
from buildstatic.collect.command import by_engine, counts_conflicts
from buildstatic.collect.failures import of_file
from buildstatic.collect.fingerprint import Unresolved, Unsettled
from buildstatic.collect.ignoring import in_trees
from buildstatic.collect.keeping import kept_by_the_project
from buildstatic.collect.names import check_path
from buildstatic.collect.places import trees_of
from buildstatic.collect.planning import Plan, make_plan
from buildstatic.collect.refuse import check_tree
from buildstatic.collect.sources import Finder, Source, sources_of
from buildstatic.collect.storages.recognize import recognize, unwrapped
from buildstatic.collect.telling import Tell
from buildstatic.collect.variants import variants_for
from buildstatic.collect.wishes import Wishes
from buildstatic.collect.workers.cores import cores
from buildstatic.errors import BuildstaticError


def collect(command: Any, storage: Any) -> dict[str, Any] | None:
    """Return what ``Command.collect`` owes for *command*, None where its own has to do it.

    That is where *storage* is not known or has no place (which Django only misses once there is a
    file), for links and for dry runs.
    """
    kind = recognize(storage)
    if isinstance(kind, str) or not storage.location or command.symlink or command.dry_run:
        return None
    from django.core.management.base import CommandError

    is_collected = in_trees(trees_of(storage))
    plan = make_plan(tuple(s for s in _sources(command) if not is_collected(s)))
    _log(command, plan)
    for source in plan.wins:
        check_path(source)
    try:
        if command.clear:
            check_tree("--clear", Path(storage.location), _kept(), plan.offers)
        variants = variants_for(storage, kind, None, ())
        wishes = Wishes(
            post_process=command.post_process,
            clear=command.clear,
            variants=variants,
            decides=variants is not None,
            cache=Cache(default_directory()),
            threads=cores(),
        )
        owed, _ = by_engine(command, kind, plan, wishes, Tell(command.stderr.write))
    except (Unresolved, Unsettled) as error:
        _raise_as_django(command, error)
    except BuildstaticError as error:
        raise CommandError(str(error)) from error
    return owed


def in_words(command: Any, error: OSError) -> Any:
    """Return a CommandError that says what *error* is about, *error* itself if it names no file."""
    from django.core.management.base import CommandError

    try:
        location = getattr(command.storage, "location", None)
    except OSError:  # the storage is lazy, and cannot read its manifest
        problem = f"{error.filename} cannot be read: {error.strerror}."
        return CommandError(f"{problem} Mend it, or remove it.")
    known = of_file(error, location)
    return CommandError(str(known)) if known else error


def _kept() -> dict[str, Path]:
    """Return what nobody means to clear: the directory of the settings, and what these keep."""
    from django.conf import settings

    module = sys.modules.get(getattr(settings, "SETTINGS_MODULE", ""))
    file = getattr(module, "__file__", None)
    return {**kept_by_the_project(), **({"the settings": Path(file).parent} if file else {})}


def _sources(command: Any) -> Iterator[Source]:
    from django.contrib.staticfiles.management.commands import collectstatic

    for finder in collectstatic.get_finders():
        yield from sources_of(Finder(type(finder).__name__, finder), command.ignore_patterns)


def _log(command: Any, plan: Plan) -> None:
    """Say of each shadowed source what Django says."""
    level = 2 if counts_conflicts(command) else 1
    for shadowed in plan.shadowed:
        command.log(FOUND_ANOTHER % shadowed.source.path, level=level)


DJANGOS = "django.contrib.staticfiles.management.commands.collectstatic"
FOUND_ANOTHER = (
    "Found another file with the destination path '%s'. It will be ignored since only the first "
    "encountered file is collected. If this is not what you want, make sure every static file has "
    "a unique path."
)


def _raise_as_django(command: Any, error: Unresolved | Unsettled) -> NoReturn:
    """Name the file, and raise what the installed Django does for *error*.

    It stops at the first; what else there is, is said in the notes of the exception. Django 6.1
    makes a CommandError of it, which has the notes in its text (``Command.collect``).
    """
    from django.core.exceptions import SuspiciousFileOperation
    from django.core.management.base import CommandError

    name, first, others = _first(error)
    if helpful := getattr(unwrapped(command.storage), "make_helpful_exception", None):
        first = helpful(first, name)  # WhiteNoise's
    command.stderr.write(f"Post-processing '{name}' failed!")
    command.stderr.write("")
    for other in others:
        first.add_note(f"Also: {other}")
    # Django 6.0 counts conflicts, and raises the error itself; a path outside it always does.
    if not _tells_notes(command) or isinstance(first, SuspiciousFileOperation):
        raise first from None
    raise CommandError("\n".join((str(first), *getattr(first, "__notes__", ())))) from first


def _tells_notes(command: Any) -> bool:
    """Tell whether Django's own command, whatever was put in its place, makes a CommandError."""
    own: Any = next(kind for kind in type(command).__mro__ if kind.__module__ == DJANGOS)
    return "__notes__" in own.collect.__code__.co_consts


def _first(error: Unresolved | Unsettled) -> tuple[str, Exception, tuple[str, ...]]:
    if isinstance(error, Unsettled):
        return _circle(error.names), RuntimeError("Max post-process passes exceeded."), ()
    first, *others = error.problems
    return first.name, first.error, tuple(map(str, others))


def _circle(names: tuple[str, ...]) -> str:
    """Return what the installed Django calls the files *names*: Django 4.2 says "All" of any."""
    from django.contrib.staticfiles.storage import HashedFilesMixin

    named = HashedFilesMixin.post_process.__code__.co_consts
    return "All" if "All" in named else ", ".join(names)
