"""The fifth step: the installed Django's own collectstatic writes what was planned."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildstatic.collect.blame import locals_of, missing_variable, place, words
from buildstatic.collect.plan import Plan
from buildstatic.collect.request import Request, django_arguments
from buildstatic.errors import BuildstaticError, CollectCancelled, CollectFailed, DiskFailed

COMMAND = "django.contrib.staticfiles.management.commands.collectstatic"
STORAGE = "django.contrib.staticfiles.storage"
UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


@dataclass(frozen=True)
class _Planned:
    """A finder that offers what the project's finders did, so that each of them is asked once."""

    plan: Plan

    def list(self, ignore_patterns: list[str]) -> Iterator[tuple[str, Any]]:  # noqa: ARG002
        """Yield what a finder owes to collectstatic; the patterns were honoured in the plan."""
        for source in self.plan.offers:
            yield source.name, source.storage


def publish(request: Request, storage: Any, plan: Plan) -> str:
    """Copy what is planned into *storage* and post-process it; return Django's closing line.

    What runs is ``Command.handle`` of the installed ``django.contrib.staticfiles``, with its
    question and its lines, whether or not an app has a command of that name (see `overridden`).

    Raises `CollectCancelled`, `DiskFailed`, `VariablesMissing` or `CollectFailed`.
    """
    from django.contrib.staticfiles.management.commands import collectstatic

    command = collectstatic.Command()
    parser = command.create_parser("manage.py", "collectstatic")
    options = vars(parser.parse_args(django_arguments(request)))
    try:
        with _finders(collectstatic, _Planned(plan)):
            return command.handle(**options) or ""
    except (Exception, SystemExit) as error:
        raise _failed(request, storage, error) from error


def overridden() -> list[str]:
    """Return a sentence for an app that has put a collectstatic in the place of Django's."""
    from django.core.management import get_commands

    app = get_commands()["collectstatic"]
    if app == "django.contrib.staticfiles":
        return []
    return [f"{app} has a collectstatic of its own, which is not run: Django's collects here."]


@contextmanager
def _finders(collectstatic: Any, planned: _Planned) -> Iterator[None]:
    get_finders = collectstatic.get_finders
    collectstatic.get_finders = lambda: [planned]
    try:
        yield
    finally:
        collectstatic.get_finders = get_finders


def _failed(request: Request, storage: Any, error: BaseException) -> BuildstaticError:
    cause = _behind(error)
    if not isinstance(cause, str) and (variable := missing_variable(cause, request)):
        return variable
    match cause:
        case EOFError() if locals_of(error, COMMAND, "handle"):
            problem = (
                "Django asked whether files may be overwritten, and nobody was there to answer."
            )
            return CollectCancelled(problem, "Answer it with --noinput.")
        case BrokenPipeError():
            return CollectFailed("Standard output was closed before all files were collected.")
        case OSError() if _is_of_disk(cause, storage):
            return DiskFailed(_disk_words(cause, storage), "Make room, or make it writable.")
        case str() if "cancelled" in cause:
            return CollectCancelled(cause, "No file was changed.")
        case str():
            return CollectFailed(cause)
        case _:
            return _raised(request, storage, cause, file_at_work(error))


def _behind(error: BaseException) -> BaseException | str:
    """Return what a CommandError was made of, an exception or a sentence, else *error* itself."""
    from django.core.management.base import CommandError

    if not isinstance(error, CommandError):
        return error
    made_of = error.args[0] if error.args else None
    return error.__cause__ or (made_of if isinstance(made_of, OSError) else str(error))


def _is_of_disk(error: OSError, storage: Any) -> bool:
    """Tell a failure to write (which often has no file name) from one to read a source."""
    if error.errno not in UNWRITABLE or not hasattr(storage, "location"):
        return False
    location, file = Path(storage.location), Path(error.filename or storage.location)
    return file.is_relative_to(location) or location.is_relative_to(file)


def _disk_words(error: OSError, storage: Any) -> str:
    return f"{error.filename or storage.location} cannot be written: {error.strerror}."


def _raised(
    request: Request, storage: Any, error: BaseException, name: str | None
) -> BuildstaticError:
    kind = f"{type(storage).__module__}.{type(storage).__qualname__}"
    problem = f"The storage {kind} raised{f' at {name}' if name else ''}: "
    advice = f"Mend {name}, or leave it out: --ignore '{name}'." if name else ""
    return CollectFailed(f"{problem}{place(error, request)}{words(error)}", advice)


def file_at_work(error: BaseException) -> str | None:
    """Return the file that collectstatic was copying or post-processing when *error* rose.

    Django keeps it in local variables: of ``Command.copy_file`` and its like, of
    ``Command.collect`` for an exception that post-processing handed over (since 6.1 as the cause
    of another), and of ``HashedFilesMixin._post_process`` for one that it did not.
    """
    for function in ("copy_file", "link_file", "delete_file"):
        if name := locals_of(error, COMMAND, function).get("prefixed_path"):
            return str(name)
    collecting = locals_of(error, COMMAND, "collect")
    if isinstance(collecting.get("processed"), Exception):
        return str(collecting["original_path"])
    name = locals_of(error, STORAGE, "_post_process").get("name")
    return str(name) if name else None
