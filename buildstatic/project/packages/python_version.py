"""The Python version that a project requires: ``3.X``, or ``3.X.Y`` if only that one matches."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from buildstatic.errors import ConfigInvalid, InterpreterNotFound
from buildstatic.project import Fact, files
from buildstatic.project.packages import pyproject

# The image's Python if the project does not require one.
DEFAULT_PYTHON = "3.13"
OLDEST = 11
# The default of the image, then the newest, then versions to come.
PREFERRED = (13, 14, 12, 11, 15, 16, 17, 18, 19, 20)
PATCHES = range(40)
VERSION = r"(\d{1,4})(?:\.(\d{1,4}))?"


def find_python_version(root: Path, manage: Path) -> Fact[str] | None:
    """Return the Python version in .python-version, runtime.txt, pyproject.toml or Pipfile.

    They are searched in *root*, then in *manage* (manage.py's directory). Raises
    `InterpreterNotFound` if the version is below 3.11.
    """
    readers = {
        ".python-version": _from_text,
        "runtime.txt": _from_text,
        "pyproject.toml": _from_pyproject,
        "Pipfile": _from_pipfile,
    }
    for directory in dict.fromkeys((root, manage)):
        for name, read in readers.items():
            path = directory / name
            found = read(path, root) if files.is_file(path) else None
            if found:
                return _exact_patch(found, directory, root) or found
    return None


def _exact_patch(found: Fact[str], directory: Path, root: Path) -> Fact[str] | None:
    """Return the patch version of *found* if pyproject.toml allows only one, else None."""
    path = directory / "pyproject.toml"
    try:
        exact = _from_pyproject(path, root) if files.is_file(path) else None
    except (InterpreterNotFound, ConfigInvalid):
        return None
    return exact if exact and exact.value.startswith(f"{found.value}.") else None


def _from_text(path: Path, root: Path) -> Fact[str] | None:
    """``3.12.4``, ``python-3.12``, ``cpython@3.12``; other names are ignored."""
    lines = files.read_text(path, root).splitlines()
    for number, line in enumerate(lines, start=1):
        found = re.match(rf"(?:c?python[-@]?)?{VERSION}(?![\w-])", line.strip().lower())
        if found:
            source = f"{files.relative(path, root)}:{number}"
            return _version(int(found[1]), found[2], line.strip(), source)
    return None


def _from_pipfile(path: Path, root: Path) -> Fact[str] | None:
    data, text = files.read_toml(path, root)
    for key in ("python_full_version", "python_version"):
        required = pyproject.table(data, "requires").get(key)
        found = re.match(VERSION, required) if isinstance(required, str) else None
        if found:
            source = f"{files.relative(path, root)}:{files.toml_line(text, 'requires', key)}"
            return _version(int(found[1]), found[2], found[0], source)
    return None


def _version(major: int, minor: str | None, required: str, source: str) -> Fact[str] | None:
    if major < 3 or (minor is not None and major == 3 and int(minor) < OLDEST):
        raise _too_old(required, source)
    return Fact(f"{major}.{int(minor)}", source) if minor is not None else None


def _too_old(required: str, source: str) -> InterpreterNotFound:
    problem = f"{source} requires Python {required}; buildstatic requires 3.{OLDEST} or newer."
    advice = f"Change it to {DEFAULT_PYTHON} if the project supports that version."
    return InterpreterNotFound(problem, advice)


def _from_pyproject(path: Path, root: Path) -> Fact[str] | None:
    data, text = files.read_toml(path, root)
    for keys in (("project", "requires-python"), ("tool", "poetry", "dependencies", "python")):
        required = pyproject.table(data, *keys[:-1]).get(keys[-1])
        if isinstance(required, str):
            source = f"{files.relative(path, root)}:{files.toml_line(text, *keys)}"
            is_poetry = keys[0] == "tool"
            sets = _poetry_specifiers(required) if is_poetry else [required]
            return Fact(_preferred(sets, required, source), source)
    return None


def _preferred(sets: list[str], required: str, source: str) -> str:
    """Return the version for the image: 3.13 if one of the specifier *sets* allows it."""
    allowed = set()
    for one in sets:
        try:
            specifier = SpecifierSet(one)
            allowed |= {
                (minor, patch)
                for minor in PREFERRED
                for patch in PATCHES
                if specifier.contains(f"3.{minor}.{patch}")
            }
        except ValueError as error:  # InvalidSpecifier, or a number of thousands of digits
            problem = f"{source}: {required} is not a valid version specifier."
            raise ConfigInvalid(problem, f'Write ">={DEFAULT_PYTHON}".') from error
    if len(allowed) == 1:
        # ``==3.12`` matches only 3.12.0, but means any patch version.
        only = "3.{}.{}".format(*next(iter(allowed)))
        if only in required:
            return only
    minors = {minor for minor, _ in allowed}
    for minor in PREFERRED:
        if minor in minors:
            return f"3.{minor}"
    raise _too_old(required, source)


def _poetry_specifiers(constraint: str) -> list[str]:
    """Return Poetry's *constraint* as PEP 440 specifier sets of which one has to match.

    ``^3.11`` is ``>=3.11,<4``; ``~3.12`` is ``>=3.12,<3.13``
    (https://python-poetry.org/docs/dependency-specification/).
    """
    return [
        ",".join(
            _poetry_specifier(part) for part in re.split(r"[,\s]+(?=[\^~<>=!\d*])", one.strip())
        )
        for one in re.split(r"\|\|?", constraint)
    ]


def _poetry_specifier(part: str) -> str:
    part = part.strip()
    if part in ("", "*"):
        return ""
    if part[0].isdigit():
        return f"=={part}"
    if part[0] not in "^~" or part.startswith("~="):
        return part
    try:
        release = list(Version(part[1:]).release)
    except ValueError:  # InvalidVersion, or a number of thousands of digits
        return part
    # Python's major version is never 0, so ^ keeps it; ~ keeps the minor version if it has one.
    kept = release[: 1 if part[0] == "^" or len(release) == 1 else 2]
    kept[-1] += 1
    return f">={part[1:]},<{'.'.join(map(str, kept))}"
