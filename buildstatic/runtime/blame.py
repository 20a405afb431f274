"""Where an exception of the project's comes from, in words for the person who has to mend it."""

from __future__ import annotations

import os
from pathlib import Path

import buildstatic
from buildstatic import tracebacks
from buildstatic.errors import VariablesMissing

FOREIGN = (
    "site-packages",
    "dist-packages",
    "<frozen",
    f"{Path(buildstatic.__file__).parent}/",
)
LIBRARY = f"{Path(os.__file__).parent}/"


def words(error: BaseException) -> str:
    """Return the project's line that *error* comes from, and what it says, in one line."""
    if isinstance(error, SyntaxError):  # names the file itself
        said = f"{type(error).__name__}: {error}"
        return f"{' '.join(said.split()).removesuffix('.')}."
    return f"{_place(error)}{' '.join(tracebacks.describe(error).split())}."


def missing_variable(error: BaseException) -> VariablesMissing | None:
    """Return the error for the environment variable whose absence *error* is about, or None."""
    name = tracebacks.missing_variable(error)
    if name is None:
        return None
    where = _place(error).removesuffix(": ") or "the settings"
    problem = f"The environment variable {name} is not set, and {where} demands it."
    return VariablesMissing(problem, "Set it where this runs.", name)


def _place(error: BaseException) -> str:
    found = tracebacks.innermost_line(error, _is_of_the_project)
    return f"{found[0]}:{found[1]}: " if found else ""


def _is_of_the_project(file: str) -> bool:
    return not file.startswith(LIBRARY) and not any(part in file for part in FOREIGN)
