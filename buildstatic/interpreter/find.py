"""The project's own Python: where it is looked for, and what it must be able to do."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from buildstatic.errors import InterpreterNotFound

PROBE = "import django, json, sys; print(json.dumps([django.VERSION, sys.version_info[:2]]))"
OLDEST = (3, 11)
PATIENCE = 60


def has_django() -> bool:
    """Tell whether our own interpreter has Django; a bare directory of that name is none."""
    spec = importlib.util.find_spec("django")
    return spec is not None and spec.origin is not None


def find_python(root: Path, directory: Path, environ: Mapping[str, str]) -> Path:
    """Return the first Python that can import Django for the project in *root*.

    It is looked for in the active virtual environment, in ``.venv`` and ``venv`` of *root* and of
    *directory* (manage.py's), and on PATH.

    Raises `InterpreterNotFound`, which lists what was tried, or `InterpreterNotFound`.
    """
    tried = []
    for python in dict.fromkeys(_candidates(root, directory, environ)):
        reason = _probe(python, directory, environ)
        if reason is None:
            return python
        tried.append(f"    {python}: {reason}")
    problem = f"No Python that can import Django was found for the project in {root}."
    listing = "\n".join(tried) or "    (there was none to try)"
    advice = f"Name the one that the project runs on: --python FILE. Tried:\n\n{listing}"
    raise InterpreterNotFound(problem, advice)


def check_python(python: Path, directory: Path, environ: Mapping[str, str]) -> Path:
    """Return *python* if it can import Django for the project whose manage.py is in *directory*.

    Raises `InterpreterNotFound` or `InterpreterNotFound`.
    """
    if reason := _probe(python, directory, environ):
        problem = f"{python} cannot import Django: {reason}."
        raise InterpreterNotFound(problem, "Name the Python that the project runs on.")
    return python


def _candidates(root: Path, directory: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    homes = [Path(environ["VIRTUAL_ENV"])] if environ.get("VIRTUAL_ENV") else []
    homes += [base / name for base in (root, directory) for name in (".venv", "venv")]
    places = [home / "bin" for home in homes]
    places += [Path(entry) for entry in environ.get("PATH", "").split(os.pathsep) if entry]
    for place in places:
        for name in ("python", "python3"):
            python = (place / name).absolute()
            if python.is_file() and os.access(python, os.X_OK):
                yield python


def _probe(python: Path, directory: Path, environ: Mapping[str, str]) -> str | None:
    """Return why *python* cannot import Django where manage.py would, or None if it can."""
    try:
        run = subprocess.run(
            [python, "-c", PROBE],
            cwd=directory,
            env=dict(environ),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if run.returncode != 0:
        return (run.stderr.strip().splitlines() or [f"it ended with status {run.returncode}"])[-1]
    _, version = json.loads(run.stdout.strip().splitlines()[-1])
    if tuple(version) < OLDEST:
        found = ".".join(map(str, version))
        problem = f"{python}, the project's Python, is {found}; buildstatic needs 3.11 or newer."
        raise InterpreterNotFound(problem, "Name a newer one with --python FILE.")
    return None
