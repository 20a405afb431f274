"""The Python that the project asks for, as ``3.X``; as ``3.X.Y`` where no other one will do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from packaging.specifiers import SpecifierSet

from buildstatic.errors import ConfigInvalid, InterpreterNotFound
from buildstatic.project import files
from buildstatic.project.model import Fact
from buildstatic.project.packages import DEFAULT_PYTHON, pyproject

OLDEST = 11
# The image's default first, then the newest; then what may come.
PREFERRED = (13, 14, 12, 11, 15, 16, 17, 18, 19, 20)
PATCHES = range(40)
VERSION = r"(\d{1,4})(?:\.(\d{1,4}))?"


def find(root: Path, manage: Path) -> Fact[str] | None:
    """Return the Python version that the project's files ask for.

    They are .python-version, runtime.txt, pyproject.toml and Pipfile, in *root*, then in *manage*
    (manage.py's directory). Raises `InterpreterNotFound` where it is below 3.11.
    """
    readers: tuple[tuple[str, Callable[[Path, Path], Fact[str] | None]], ...] = (
        (".python-version", _plain),
        ("runtime.txt", _plain),
        ("pyproject.toml", _pyproject),
        ("Pipfile", _pipfile),
    )
    for directory in dict.fromkeys((root, manage)):
        for name, read in readers:
            path = directory / name
            found = read(path, root) if files.is_file(path) else None
            if found:
                return _only(found, directory, root) or found
    return None


def _only(found: Fact[str], directory: Path, root: Path) -> Fact[str] | None:
    """Return the one patch of *found* that the pyproject.toml beside allows, None for several."""
    path = directory / "pyproject.toml"
    try:
        exact = _pyproject(path, root) if files.is_file(path) else None
    except (InterpreterNotFound, ConfigInvalid):
        return None
    return exact if exact and exact.value.startswith(f"{found.value}.") else None


def _plain(path: Path, root: Path) -> Fact[str] | None:
    """``3.12.4``, ``python-3.12``, ``cpython@3.12``; a name that is no version counts for none."""
    lines = files.read_text(path, root).splitlines()
    for number, line in enumerate(lines, start=1):
        found = re.match(rf"(?:c?python[-@]?)?{VERSION}(?![\w-])", line.strip().lower())
        if found:
            source = f"{files.relative(path, root)}:{number}"
            return _version(int(found[1]), found[2], line.strip(), source)
    return None


def _version(major: int, minor: str | None, asked: str, source: str) -> Fact[str] | None:
    if major < 3 or (minor is not None and major == 3 and int(minor) < OLDEST):
        raise _too_old(asked, source)
    return Fact(f"{major}.{int(minor)}", source) if minor is not None else None


def _too_old(asked: str, source: str) -> InterpreterNotFound:
    problem = f"{source} asks for Python {asked}; buildstatic needs 3.{OLDEST} or newer."
    return InterpreterNotFound(
        problem, f"Change it to {DEFAULT_PYTHON}, if the project runs on that."
    )


def _pyproject(path: Path, root: Path) -> Fact[str] | None:
    data, text = files.read_toml(path, root)
    for keys in (("project", "requires-python"), ("tool", "poetry", "dependencies", "python")):
        asked = pyproject.table(data, *keys[:-1]).get(keys[-1])
        if isinstance(asked, str):
            source = f"{files.relative(path, root)}:{files.toml_line(text, *keys)}"
            sets = pyproject.poetry_versions(asked) if keys[0] == "tool" else [asked]
            return Fact(_newest(sets, asked, source), source)
    return None


def _newest(sets: list[str], asked: str, source: str) -> str:
    """Return the version that the image will have: 3.13 where it is allowed, else the newest."""
    allowed = set(_allowed(sets, asked, source))
    full = {f"3.{minor}.{patch}" for minor, patch in allowed}
    # ``==3.12`` allows 3.12.0 alone, and means any.
    if len(full) == 1 and (only := full.pop()) in asked:
        return only
    for minor in PREFERRED:
        if any(minor == other for other, _ in allowed):
            return f"3.{minor}"
    raise _too_old(asked, source)


def _allowed(sets: list[str], asked: str, source: str) -> Iterator[tuple[int, int]]:
    for one in sets:
        try:
            yield from _allowed_by(SpecifierSet(one))
        except ValueError as error:  # InvalidSpecifier, or a number of thousands of digits
            problem = f"{source}: {asked} is no version specifier."
            raise ConfigInvalid(problem, f'Write ">={DEFAULT_PYTHON}".') from error


def _allowed_by(specifier: SpecifierSet) -> Iterator[tuple[int, int]]:
    for minor in PREFERRED:
        for patch in PATCHES:
            if specifier.contains(f"3.{minor}.{patch}"):
                yield minor, patch


def _pipfile(path: Path, root: Path) -> Fact[str] | None:
    data, text = files.read_toml(path, root)
    for key in ("python_full_version", "python_version"):
        asked = pyproject.table(data, "requires").get(key)
        found = re.match(VERSION, asked) if isinstance(asked, str) else None
        if found:
            source = f"{files.relative(path, root)}:{files.toml_line(text, 'requires', key)}"
            return _version(int(found[1]), found[2], found[0], source)
    return None
