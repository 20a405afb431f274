"""The messages of the steps: one plain line each, on standard error; and those of their errors."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import buildstatic
from buildstatic import tracebacks
from buildstatic.errors import VariablesMissing

# Files that are not the project's: packages, this one, the standard library.
_FOREIGN = ("site-packages", "dist-packages", "<frozen", f"{Path(buildstatic.__file__).parent}/")
_STANDARD_LIBRARY = f"{Path(os.__file__).parent}/"


def log(text: str) -> None:
    """Print *text* as one line, after what Django has printed so far."""
    sys.stdout.flush()
    print(f"buildstatic: {text}", file=sys.stderr, flush=True)


@contextmanager
def timed(done: str) -> Iterator[None]:
    """Log *done* and the seconds that the block took, if it succeeds."""
    began = time.monotonic()
    yield
    log(f"{done} in {time.monotonic() - began:.1f} s")


def reason(error: BaseException) -> str:
    """Return the message of *error* on one line, or its class if it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def error_text(error: BaseException) -> str:
    """Return the project's line that raised *error* and its message, on one line."""
    return f"{_location(error)}{' '.join(tracebacks.describe(error).split())}."


def missing_variable_error(error: BaseException) -> VariablesMissing | None:
    """Return the error for the environment variable that *error* says is not set, or None."""
    names = tracebacks.missing_variables(error)
    if not names:
        return None
    where = _location(error).removesuffix(": ") or "the settings"
    problem = f"{where} requires {tracebacks.not_set(names)}."
    return VariablesMissing(problem, "Set it where this runs.", names)


def _location(error: BaseException) -> str:
    def is_of_the_project(file: str) -> bool:
        is_foreign = file.startswith(_STANDARD_LIBRARY) or any(part in file for part in _FOREIGN)
        return not is_foreign

    found = tracebacks.innermost_line(error, is_of_the_project)
    return f"{found[0]}:{found[1]}: " if found else ""
