"""What pyproject.toml states: dependencies and the Python wanted, the standard's or Poetry's.

https://packaging.python.org/en/latest/specifications/pyproject-toml/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from buildstatic.errors import ConfigInvalid
from buildstatic.project import files
from buildstatic.project.packages import Packages, holds, join, package


@dataclass(frozen=True)
class Pyproject:
    """The dependencies that pyproject.toml states, and where.

    *direct* are the standard's and Poetry's; *packages* the standard's alone, by name; *poetry*
    says that Poetry's table is there.
    """

    direct: list[Requirement]
    packages: Packages
    poetry: bool


def read(path: Path, root: Path, python: str) -> Pyproject | None:
    """Read the pyproject.toml at *path* for *python* on Linux; None where there is none.

    Raises `ConfigInvalid`, with file and line, for a dependency that is not one.
    """
    if not files.is_file(path):
        return None
    data, text = files.read_toml(path, root)
    stated = list(_stated(data, text, files.relative(path, root)))
    stated = [(need, source) for need, source in stated if holds(need.marker, python)]
    poetry = table(data, "tool", "poetry", "dependencies")
    own = [need for need, _ in stated]
    packages = join(package(need, source) for need, source in stated)
    return Pyproject([*own, *_poetry(poetry)], packages, bool(poetry))


def table(data: Mapping[str, object], *keys: str) -> Mapping[str, object]:
    """Return the table at the path *keys* of *data*; an empty one where there is none."""
    for key in keys:
        inner = data.get(key)
        if not isinstance(inner, dict):
            return {}
        data = inner
    return data


def _stated(data: Mapping[str, object], text: str, file: str) -> Iterator[tuple[Requirement, str]]:
    entries = table(data, "project").get("dependencies")
    if entries is None:
        return
    start = files.toml_line(text, "project", "dependencies")
    if not isinstance(entries, list):
        problem = f"{file}:{start}: dependencies is no list."
        raise ConfigInvalid(problem, 'Write dependencies = ["Django"].')
    for entry in entries:
        line = _line(text, str(entry), start)
        try:
            yield Requirement(str(entry)), f"{file}:{line}"
        except InvalidRequirement as error:
            problem = f"{file}:{line}: {entry} is no requirement."
            raise ConfigInvalid(problem, "Write it as name>=version.") from error


def _line(text: str, entry: str, start: int) -> int:
    lines = text.splitlines()
    quoted = (f'"{entry}"', f"'{entry}'", entry)
    for number in range(start, len(lines) + 1):
        if any(form in lines[number - 1] for form in quoted):
            return number
    return start


def _poetry(dependencies: Mapping[str, object]) -> Iterator[Requirement]:
    """Yield Poetry's dependencies: names and extras, for the versions are in its lock file."""
    for name, wanted in dependencies.items():
        if name == "python" or (isinstance(wanted, dict) and wanted.get("optional") is True):
            continue
        extras = wanted.get("extras", []) if isinstance(wanted, dict) else []
        listed = ",".join(map(str, extras)) if isinstance(extras, list) else ""
        try:
            yield Requirement(f"{name}[{listed}]")
        except InvalidRequirement:
            continue


def poetry_versions(constraint: str) -> list[str]:
    """Return Poetry's *constraint* as PEP 440 specifier sets of which any may hold.

    ``^3.11`` is ``>=3.11,<4``; ``~3.12`` is ``>=3.12,<3.13``
    (https://python-poetry.org/docs/dependency-specification/).
    """
    return [
        ",".join(_poetry_part(part) for part in re.split(r"[,\s]+(?=[\^~<>=!\d*])", one.strip()))
        for one in re.split(r"\|\|?", constraint)
    ]


def _poetry_part(part: str) -> str:
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
    # Python's major version is never 0, so ^ keeps it; ~ keeps the minor one where it is given.
    kept = release[: 1 if part[0] == "^" or len(release) == 1 else 2]
    kept[-1] += 1
    return f">={part[1:]},<{'.'.join(map(str, kept))}"
