"""Where an exception of the project's comes from, in words for the person who has to mend it."""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path
from typing import Any

import buildstatic
from buildstatic.errors import VariablesMissing

FOREIGN = ("site-packages", "dist-packages", "<frozen", f"{Path(buildstatic.__file__).parent}/")
# django-environ and the usual helper function, python-decouple, environs.
DEMANDS = (
    r"Set the (\w+) environment variable",
    r"^(\w+) not found\. Declare it as envvar",
    r"[Ee]nvironment variable [\"']?(\w+)[\"']? (?:is )?not set",
)


def words(error: BaseException) -> str:
    """Return the project's line that *error* comes from, and what it says, in one line."""
    said = f"it ended the process ({error})" if isinstance(error, SystemExit) else _said(error)
    return f"{_place(error)}{said.removesuffix('.')}."


def missing_variable(error: BaseException) -> VariablesMissing | None:
    """Return the error for the environment variable whose absence *error* is about, or None."""
    name = _demanded(error)
    if name is None:
        return None
    where = _place(error).removesuffix(": ") or "the settings"
    problem = f"The environment variable {name} is not set, and {where} demands it."
    return VariablesMissing(problem, "Set it where this runs.", name)


def locals_of(error: BaseException, module: str, function: str) -> dict[str, Any]:
    """Return the local variables of the innermost *function* of *module* on the way to *error*."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        if frame.f_code.co_name == function and frame.f_globals.get("__name__") == module:
            return dict(frame.f_locals)
    return {}


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split()) or "no reason given"
    return f"{type(error).__name__}: {text}"


def _place(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return ""  # names the file itself
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        file = frame.f_code.co_filename
        if not any(part in file for part in FOREIGN) and not _is_library(file):
            return f"{file}:{line}: "
    return ""


def _is_library(file: str) -> bool:
    return file.startswith(f"{Path(os.__file__).parent}/")


def _demanded(error: BaseException) -> str | None:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    get_item = type(os.environ).__getitem__.__code__
    if isinstance(error, KeyError) and frames and frames[-1].f_code is get_item:
        return str(error.args[0])
    found = (re.search(pattern, str(error)) for pattern in DEMANDS)
    return next((match[1] for match in found if match), None)
