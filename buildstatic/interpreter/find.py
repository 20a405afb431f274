"""Find the project's own Python, which must be able to import Django."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from buildstatic.errors import InterpreterNotFound

PROBE = "import django, json, sys; print(json.dumps([django.VERSION, sys.version_info[:2]]))"
OLDEST = (3, 11)
OLDEST_DJANGO = (4, 2)
OWN_COLLECTOR = """\
Upgrade Django, or collect with its own command. In pyproject.toml:

[tool.buildstatic.generate]
collector = "django"\
"""
TIMEOUT = 60  # seconds


def has_django() -> bool:
    """Return whether this Python has Django; a directory named django is not enough."""
    spec = importlib.util.find_spec("django")
    return spec is not None and spec.origin is not None


def choose_python(
    python: Path | None, root: Path, directory: Path, environ: Mapping[str, str]
) -> Path:
    """Return *python* if it is given, this Python if it has Django, else the one that is found.

    See `find_python` for the other parameters. Raises `InterpreterNotFound`.
    """
    if python is not None:
        return check_python(python.absolute(), directory, environ)
    return Path(sys.executable) if has_django() else find_python(root, directory, environ)


def find_python(root: Path, directory: Path, environ: Mapping[str, str]) -> Path:
    """Return the first Python that can import Django for the project in *root*.

    Tried are the active virtual environment, ``.venv`` and ``venv`` in *root* and in *directory*
    (manage.py's), and PATH. Raises `InterpreterNotFound`, which lists what was tried.
    """
    tried = []
    for python in dict.fromkeys(_candidates(root, directory, environ)):
        reason = _probe(python, directory, environ)
        if reason is None:
            return python
        tried.append(f"    {python}: {reason}")
    problem = f"No Python that can import Django was found for the project in {root}."
    listing = "\n".join(tried) or "    (no Python found)"
    advice = f"Set --python FILE to the one that the project runs on. Tried:\n\n{listing}"
    raise InterpreterNotFound(problem, advice)


def check_python(python: Path, directory: Path, environ: Mapping[str, str]) -> Path:
    """Return *python* if it can import Django for the project whose manage.py is in *directory*.

    Raises `InterpreterNotFound` if it cannot, or if it or Django is too old.
    """
    if reason := _probe(python, directory, environ):
        problem = f"{python} cannot import Django: {reason}."
        raise InterpreterNotFound(problem, "Set --python to the one that the project runs on.")
    return python


def _candidates(root: Path, directory: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    environments = [Path(environ["VIRTUAL_ENV"])] if environ.get("VIRTUAL_ENV") else []
    environments += [base / name for base in (root, directory) for name in (".venv", "venv")]
    places = [environment / "bin" for environment in environments]
    places += [Path(entry) for entry in environ.get("PATH", "").split(os.pathsep) if entry]
    for place in places:
        for name in ("python", "python3"):
            python = (place / name).absolute()
            if python.is_file() and os.access(python, os.X_OK):
                yield python


def _probe(python: Path, directory: Path, environ: Mapping[str, str]) -> str | None:
    """Return why *python* cannot import Django in *directory*, or None if it can."""
    try:
        run = subprocess.run(
            [python, "-c", PROBE],
            cwd=directory,
            env=dict(environ),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if run.returncode != 0:
        return (run.stderr.strip().splitlines() or [f"it exited with status {run.returncode}"])[-1]
    django, version = json.loads(run.stdout.strip().splitlines()[-1])
    if tuple(version) < OLDEST:
        found = ".".join(map(str, version))
        problem = f"{python}, the project's Python, is {found}; buildstatic needs 3.11 or newer."
        raise InterpreterNotFound(problem, "Set --python FILE to a newer one.")
    if tuple(django[:2]) < OLDEST_DJANGO:
        found = ".".join(map(str, django[:2]))
        problem = f"The project has Django {found}; buildstatic collects with 4.2 or newer."
        raise InterpreterNotFound(problem, OWN_COLLECTOR)
    return None
