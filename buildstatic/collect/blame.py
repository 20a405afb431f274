"""Where an exception of the project's comes from, in words for the person who has to mend it."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from buildstatic.collect.request import Request
from buildstatic.errors import VariablesMissing

INSTALLED = {"site-packages", "dist-packages"}
# In turn: django-environ and the usual helper function, python-decouple, environs.
DEMANDS = (
    re.compile(r"Set the (\w+) environment variable"),
    re.compile(r"^(\w+) not found\. Declare it as envvar"),
    re.compile(r"[Ee]nvironment variable [\"']?(\w+)[\"']? (?:is )?not set"),
)


def words(error: BaseException) -> str:
    """Return *error* as Python prints it below a traceback, with its notes, and a full stop."""
    if isinstance(error, SystemExit):
        return f"it ended the process ({error})."
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    text = "\n".join([text, *getattr(error, "__notes__", ())]).strip() or "no reason given"
    return f"{type(error).__name__}: {text.removesuffix('.')}."


def frames(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    """Yield the frames that *error* passed, innermost first, each with its line."""
    yield from reversed(list(traceback.walk_tb(error.__traceback__)))


def locals_of(error: BaseException, module: str, function: str) -> dict[str, object]:
    """Return the local variables of the innermost frame of *function* in *module*, or nothing."""
    for frame, _ in frames(error):
        if frame.f_code.co_name == function and frame.f_globals.get("__name__") == module:
            return dict(frame.f_locals)
    return {}


def place(error: BaseException, request: Request) -> str:
    """Return ``file:line: `` of the innermost line of the project's own on the way to *error*.

    The file is relative to the root; empty where no line of the project's was passed.
    """
    spots = [(frame.f_code.co_filename, line) for frame, line in frames(error)]
    if isinstance(error, SyntaxError) and error.filename:
        spots.insert(0, (error.filename, error.lineno or 0))
    for filename, line in spots:
        path = Path(filename)
        if path.is_relative_to(request.root) and not INSTALLED.intersection(path.parts):
            return f"{path.relative_to(request.root)}:{line}: "
    return ""


def missing_variable(error: BaseException, request: Request) -> VariablesMissing | None:
    """Return the error for the environment variable whose absence *error* is about, or None.

    ``os.environ["NAME"]`` is known by its frame, the libraries that read variables by their words.
    """
    name = _demanded(error)
    if name is None:
        return None
    where = place(error, request).removesuffix(": ") or f"the settings {request.settings}"
    problem = f"The environment variable {name} is not set, and {where} demands it."
    return VariablesMissing(problem, name=name)


def _demanded(error: BaseException) -> str | None:
    if name := _key_of_environ(error):
        return name
    text = str(error)
    for pattern in DEMANDS:
        if found := pattern.search(text):
            return found[1]
    before = error.__cause__ or error.__context__
    name = _key_of_environ(before) if before else None
    return name if name and name in text else None


def _key_of_environ(error: BaseException) -> str | None:
    """Return the key of a KeyError that ``os.environ[key]`` itself raised."""
    innermost = next(frames(error), None)
    if not isinstance(error, KeyError) or innermost is None:
        return None
    from_environ = innermost[0].f_code is type(os.environ).__getitem__.__code__
    return str(error.args[0]) if from_environ else None
