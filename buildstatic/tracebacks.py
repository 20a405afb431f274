"""What a traceback says about the project: the line, local variables, a missing variable."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Callable
from typing import Any

# The messages of django-environ and of the usual helper function, of python-decouple, of environs.
_MISSING_VARIABLE = (
    re.compile(r"Set the (\w+) environment variable"),
    re.compile(r"^(\w+) not found\. Declare it as envvar"),
    re.compile(r"[Ee]nvironment variable [\"']?(\w+)[\"']? (?:is )?not set"),
)


def describe(error: BaseException) -> str:
    """Return *error* as Python prints it below a traceback, with its notes; no final full stop."""
    if isinstance(error, SystemExit):
        return f"it ended the process ({error})"
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    text = "\n".join([text, *getattr(error, "__notes__", ())]).strip() or "no message"
    return f"{type(error).__name__}: {text.removesuffix('.')}"


def innermost_line(error: BaseException, accepts: Callable[[str], bool]) -> tuple[str, int] | None:
    """Return file and line of the innermost frame of *error* whose file *accepts* accepts.

    The place of a SyntaxError counts as its innermost frame.
    """
    lines = [(frame.f_code.co_filename, line) for frame, line in _frames(error)]
    if isinstance(error, SyntaxError) and error.filename:
        lines.insert(0, (error.filename, error.lineno or 0))
    return next((place for place in lines if accepts(place[0])), None)


def locals_of(error: BaseException, module: str, function: str) -> dict[str, Any]:
    """Return the local variables of the innermost frame of *function* in *module*, or nothing."""
    for frame, _ in _frames(error):
        if frame.f_code.co_name == function and frame.f_globals.get("__name__") == module:
            return dict(frame.f_locals)
    return {}


def missing_variable(error: BaseException) -> str | None:
    """Return the environment variable that *error* says is not set, or None.

    A KeyError of ``os.environ`` is recognized by its frame, the error of a library that reads
    variables by its message.
    """
    if name := _key_of_environ(error):
        return name
    text = str(error)
    for pattern in _MISSING_VARIABLE:
        if found := pattern.search(text):
            return found[1]
    previous = error.__cause__ or error.__context__
    name = _key_of_environ(previous) if previous else None
    return name if name and name in text else None


def _frames(error: BaseException) -> list[Any]:
    """Return the frames that *error* passed with their lines, innermost first."""
    return list(traceback.walk_tb(error.__traceback__))[::-1]


def _key_of_environ(error: BaseException) -> str | None:
    frames = _frames(error)
    if not isinstance(error, KeyError) or not frames:
        return None
    is_environ = frames[0][0].f_code is type(os.environ).__getitem__.__code__
    return str(error.args[0]) if is_environ else None
