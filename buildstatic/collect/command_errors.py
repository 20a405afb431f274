"""The error that a failed collectstatic becomes: what is wrong, in which file, what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from buildstatic.collect.failures import describe_error, file_error, missing_variable_error
from buildstatic.collect.fingerprint import CircularReferences, UnresolvedReferences
from buildstatic.collect.planning import Plan
from buildstatic.collect.references import MOST_BROKEN
from buildstatic.collect.request import Request
from buildstatic.errors import BuildstaticError, CollectCancelled, CollectFailed, ReferencesBroken
from buildstatic.tracebacks import locals_of

_COMMAND = "django.contrib.staticfiles.management.commands.collectstatic"
_STORAGE = "django.contrib.staticfiles.storage"


def references_error(
    request: Request, plan: Plan, error: UnresolvedReferences | CircularReferences
) -> ReferencesBroken:
    """Return the error that lists every reference with its source."""
    places = {}
    for source in plan.wins:
        path = Path(source.place)
        is_inside = path.is_relative_to(request.root)
        places[source.path] = str(path.relative_to(request.root)) if is_inside else source.place
    if isinstance(error, CircularReferences):
        names = ", ".join(places[name] for name in error.names)
        problem = f"Files that refer to each other in a cycle cannot be fingerprinted: {names}."
        return ReferencesBroken(problem, "Remove one of the references.")
    lines = [f"    {reference.describe(places[reference.name])}" for reference in error.broken]
    subject = "A reference" if len(lines) == 1 else f"{len(lines):,} references"
    if len(lines) >= MOST_BROKEN:
        subject = f"At least {subject}"
    advice = "Fix each there, add the missing file, or exclude the referring file (--ignore)."
    if any(reference.is_missing_map for reference in error.broken):
        advice += " To allow missing source maps, use --missing-maps=warn."
    return ReferencesBroken("\n".join([f"{subject} cannot be resolved:", *lines]), advice)


def command_error(request: Request, storage: Any, error: BaseException) -> BuildstaticError:
    """Return the error for *error*, with which collecting into *storage* ended."""
    cause = cause_of(error)
    if not isinstance(cause, str) and (variable := missing_variable_error(cause, request)):
        return variable
    match cause:
        case EOFError() if locals_of(error, _COMMAND, "handle"):
            problem = "Django asks whether to overwrite files, and standard input is closed."
            return CollectCancelled(problem, "Use --noinput to overwrite them.")
        case BuildstaticError():
            return cause
        case BrokenPipeError():
            return CollectFailed("Standard output was closed before all files were collected.")
        case OSError() if known := file_error(cause, getattr(storage, "location", None)):
            return known
        case str() if "cancelled" in cause:
            return CollectCancelled(cause, "No file was changed.")
        case str():
            return CollectFailed(cause)
    name = current_file(error)
    storage_class = f"{type(storage).__module__}.{type(storage).__qualname__}"
    return CollectFailed(
        f"The storage {storage_class} failed{f' for {name}' if name else ''}: "
        f"{describe_error(cause, request)}",
        f"Fix {name}, or exclude it with --ignore '{name}'." if name else "",
    )


def cause_of(error: BaseException) -> BaseException | str:
    """Return the exception or message that a CommandError was raised with, or *error* itself."""
    from django.core.management.base import CommandError

    if not isinstance(error, CommandError):
        return error
    argument = error.args[0] if error.args else None
    return error.__cause__ or (argument if isinstance(argument, OSError) else str(error))


def current_file(error: BaseException) -> str | None:
    """Return the file that collectstatic was copying or post-processing when *error* was raised.

    Django has it in local variables: of ``Command.copy_file`` and similar methods, of
    ``Command.collect`` for an exception that post-processing returned (since 6.1 as the cause of
    another), and of ``HashedFilesMixin._post_process`` for one that it raised.
    """
    for function in ("copy_file", "link_file", "delete_file"):
        if name := locals_of(error, _COMMAND, function).get("prefixed_path"):
            return str(name)
    collecting = locals_of(error, _COMMAND, "collect")
    if isinstance(collecting.get("processed"), Exception):
        return str(collecting["original_path"])
    name = locals_of(error, _STORAGE, "_post_process").get("name")
    return str(name) if name else None
