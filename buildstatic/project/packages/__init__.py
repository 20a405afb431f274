"""Find how a project's packages are installed, and which they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from buildstatic.project import Dependencies, Fact, files
from buildstatic.project.packages import locks, pyproject, requirements
from buildstatic.project.packages.requirements import Packages

REQUIREMENTS = (
    "requirements.txt",
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements/base.txt",
)
# Lock files in order of precedence, with their manager and the other files that it reads.
LOCK_FILES = {
    "uv.lock": ("uv", ("pyproject.toml", "uv.toml")),
    "poetry.lock": ("poetry", ("pyproject.toml",)),
    "pdm.lock": ("pdm", ("pyproject.toml",)),
    "Pipfile.lock": ("pipenv", ("Pipfile",)),
}


@dataclass(frozen=True)
class Installed:
    """The fact for the project, the packages by canonical name, and notes on missing lock files."""

    fact: Fact[Dependencies] | None
    packages: Packages
    notes: tuple[str, ...] = ()


def find_dependencies(root: Path, manage: Path, python: str) -> Installed:
    """Return how the project is installed: from *root*, else from *manage* (manage.py's directory).

    In each directory a lock file takes precedence over pyproject.toml, and that over requirements
    files, unless one of these locks everything in pyproject.toml. *python* is the version for
    markers. Raises `ConfigInvalid` for a file that cannot be read.
    """
    notes: list[str] = []
    for directory in dict.fromkeys((root, manage)):
        found = (
            _from_lock_file(directory, root, manage, python)
            or _from_pyproject(directory, root, python)
            or _from_requirements(directory, root, python)
        )
        if found:
            return found
        path = directory / "pyproject.toml"
        project = pyproject.read(path, root, "3")
        if project and project.poetry:
            notes.append(f"{files.relative(path, root)} has no poetry.lock. Run: poetry lock")
        path = directory / "Pipfile"
        if files.is_file(path):
            notes.append(f"{files.relative(path, root)} has no Pipfile.lock. Run: pipenv lock")
    return Installed(None, {}, tuple(notes))


def _from_lock_file(directory: Path, root: Path, manage: Path, python: str) -> Installed | None:
    for name, (manager, others) in LOCK_FILES.items():
        path = directory / name
        if not files.is_file(path):
            continue
        match manager:
            case "uv":
                lock = locks.uv(path, root, python, manage)
            case "poetry":
                lock = locks.poetry(path, root, python)
            case "pdm":
                lock = locks.pdm(path, root, python)
            case _:
                lock = locks.pipenv(path, root, python)
        beside = [other for item in others if files.is_file(other := directory / item)]
        read = [path, *beside, *lock.files]
        return _installed(manager, root, lock.packages, read, lock.directories, lock.member)
    return None


def _from_pyproject(directory: Path, root: Path, python: str) -> Installed | None:
    path = directory / "pyproject.toml"
    project = pyproject.read(path, root, python)
    if project is None or not project.packages:
        return None
    compiled = _requirements_file(directory)
    if compiled and requirements.is_lock(compiled, root, python):
        locked = requirements.read(compiled, root, python).packages
        if project.packages.keys() <= locked.keys():
            return None
    return _installed("pyproject", root, project.packages, [path])


def _from_requirements(directory: Path, root: Path, python: str) -> Installed | None:
    path = _requirements_file(directory)
    if path is None:
        return None
    found = requirements.read(path, root, python)
    return _installed("pip", root, found.packages, found.files, found.local)


def _requirements_file(directory: Path) -> Path | None:
    paths = (directory / name for name in REQUIREMENTS)
    return next((path for path in paths if files.is_file(path)), None)


def _installed(
    manager: str,
    root: Path,
    packages: Packages,
    read: Iterable[Path],
    local: Iterable[Path] = (),
    member: str = "",
) -> Installed:
    """Return an installation by the first of the files *read*, which uses directories *local*."""
    names = tuple(dict.fromkeys(files.relative(item, root) for item in read))
    places = tuple(dict.fromkeys(files.relative(item, root) for item in local))
    value = Dependencies(manager, names[0], names, places, member)
    return Installed(Fact(value, f"{value.file}:1"), packages)
