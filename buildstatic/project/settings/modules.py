"""The two ways into a reading: a module that is imported, a script that is run."""

from __future__ import annotations

from pathlib import Path

from buildstatic.project import files
from buildstatic.project.search import Search
from buildstatic.project.settings.expressions import evaluate
from buildstatic.project.settings.imports import load
from buildstatic.project.settings.state import Frame, Reading
from buildstatic.project.settings.statements import follow
from buildstatic.project.settings.values import Value


def begin(search: Search) -> Reading:
    """Return a reading that has gathered nothing yet."""
    return Reading(search, follow, evaluate)


def read(path: Path, search: Search) -> tuple[dict[str, Value], Reading]:
    """Return the names of the module in *path*, and what was gathered on the way.

    Raises `ConfigInvalid` where it, or what it takes in with ``import *``, is not valid Python.
    """
    reading = begin(search)
    return load(path, reading), reading


def evaluate_script(path: Path, search: Search) -> Reading:
    """Return what is gathered when *path* is run as a program."""
    reading = begin(search)
    file = Value(str(reading.place(path)))
    frame = Frame(reading, path, {"__file__": file, "__name__": Value("__main__")})
    frame.follow(files.read_python(path, search.root).body, frame)
    return reading
