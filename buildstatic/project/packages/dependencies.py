"""How the project's packages are installed, and which they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from buildstatic.project import files
from buildstatic.project.model import Dependencies, Fact
from buildstatic.project.packages import Packages, locks, pyproject, requirements
from buildstatic.project.packages.locks import Lock

REQUIREMENTS = (
    "requirements.txt",
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements/base.txt",
)


@dataclass(frozen=True)
class Installed:
    """The fact for the project, the packages by canonical name, and notes on what was passed by."""

    fact: Fact[Dependencies] | None
    packages: Packages
    notes: tuple[str, ...] = ()


def find(root: Path, manage: Path, python: str) -> Installed:
    """Return how the project is installed: from *root*, else from *manage* (manage.py's directory).

    In each, a lock file comes first, then pyproject.toml, then requirements files; one that locks
    all that pyproject.toml asks for goes before that. *python* is the version that markers are
    asked about. Raises `ConfigInvalid` for a file that cannot be read.
    """
    notes: list[str] = []
    for directory in dict.fromkeys((root, manage)):
        for find_in in (_locked, _pyproject, _requirements):
            found = find_in(directory, root, manage, python)
            if found:
                return found
        notes += _notes(directory, root)
    return Installed(None, {}, tuple(notes))


def _locked(directory: Path, root: Path, manage: Path, python: str) -> Installed | None:
    path = directory / "uv.lock"
    if files.is_file(path):
        return _found("uv", path, root, locks.uv(path, root, python, manage))
    path = directory / "poetry.lock"
    if files.is_file(path):
        return _found("poetry", path, root, locks.poetry(path, root, python))
    path = directory / "pdm.lock"
    if files.is_file(path):
        return _found("pdm", path, root, locks.pdm(path, root, python))
    path = directory / "Pipfile.lock"
    if files.is_file(path):
        return _found("pipenv", path, root, locks.pipenv(path, root, python))
    return None


# What a manager reads beside its lock file, where it is there.
BESIDE = {
    "uv": ("pyproject.toml", "uv.toml"),
    "poetry": ("pyproject.toml",),
    "pdm": ("pyproject.toml",),
    "pipenv": ("Pipfile",),
}


def _found(manager: str, path: Path, root: Path, lock: Lock) -> Installed:
    beside = [path.parent / name for name in BESIDE[manager]]
    read = [path, *(other for other in beside if files.is_file(other)), *lock.local.files]
    directories = [*lock.local.directories]
    return _installed(manager, path, root, lock.packages, read, directories, lock.member)


def _installed(
    manager: str,
    path: Path,
    root: Path,
    packages: Packages,
    read: list[Path],
    local: list[Path],
    member: str = "",
) -> Installed:
    names = tuple(dict.fromkeys(files.relative(item, root) for item in read))
    places = tuple(dict.fromkeys(files.relative(item, root) for item in local))
    value = Dependencies(manager, files.relative(path, root), names, places, member)
    return Installed(Fact(value, f"{value.file}:1"), packages)


def _pyproject(directory: Path, root: Path, manage: Path, python: str) -> Installed | None:  # noqa: ARG001
    path = directory / "pyproject.toml"
    project = pyproject.read(path, root, python)
    if project is None or not project.packages:
        return None
    compiled = _requirements_file(directory)
    if compiled and requirements.is_lock(compiled, root, python):
        locked = requirements.read(compiled, root, python).packages
        if project.packages.keys() <= locked.keys():
            return None
    return _installed("pyproject", path, root, project.packages, [path], [])


def _requirements(directory: Path, root: Path, manage: Path, python: str) -> Installed | None:  # noqa: ARG001
    path = _requirements_file(directory)
    if path is None:
        return None
    read = requirements.read(path, root, python)
    return _installed("pip", path, root, read.packages, read.files, read.local)


def _requirements_file(directory: Path) -> Path | None:
    paths = (directory / name for name in REQUIREMENTS)
    return next((path for path in paths if files.is_file(path)), None)


def _notes(directory: Path, root: Path) -> list[str]:
    """Say what is there of a manager whose lock file is not."""
    notes = []
    path = directory / "pyproject.toml"
    project = pyproject.read(path, root, "3")
    if project and project.poetry:
        notes.append(
            f"{files.relative(path, root)} is Poetry's, but has no poetry.lock: poetry lock"
        )
    path = directory / "Pipfile"
    if files.is_file(path):
        notes.append(f"{files.relative(path, root)} has no Pipfile.lock beside it: pipenv lock")
    return notes
