"""Find the requirements files of a project, and choose those for production."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from buildstatic.errors import ConfigInvalid
from buildstatic.project import Package, Packages, files
from buildstatic.project.packages import conda, pyproject, requirements, setuptools
from buildstatic.project.packages.known import DEVELOPMENT, PRODUCTION, SERVERS, Selection, words
from buildstatic.project.packages.requirements import Requirements

REQUIREMENTS = "requirements.txt"
# Words in the names of requirements files, and directories that contain only such files.
REQUIREMENTS_WORDS = {"requirements", "requirement", "reqs", "req"}
REQUIREMENTS_DIRECTORIES = ("requirements", "reqs", "requirement", "dependencies", "deps")
CONSTRAINTS = {"constraints", "constraint", "pins"}
SUFFIXES = (".txt", ".pip", ".in")
BASE = {"base", "common", "main", "default", "core", "all", "app"}


def choose(directory: Path, root: Path, python: str, drivers: Sequence[str]) -> list[Path]:
    """Return the requirements files in *directory* that are installed in production.

    A file that installs Django is preferred, then one that is not for development, one that
    includes others, one with a server, and requirements.txt. One for production that only adds to
    it is installed as well, and one that has a server if these have none. Without one of *drivers*
    in it, one that includes it and has one. None is chosen if there is none.

    Raises `ConfigInvalid`, with file and line, if no file that can be read installs Django.
    """
    candidates: list[Requirements] = []
    errors: list[ConfigInvalid] = []
    for path in find(directory):
        if conda.is_export(path):
            continue
        try:
            candidates.append(requirements.read(path, root, python))
        except ConfigInvalid as error:
            errors.append(error)
    held = {id(item): packages(item) for item in candidates}
    if errors and not any("django" in names for names in held.values()):
        raise errors[0]
    if not candidates:
        return []
    production = [item for item in candidates if _word_rank(item.files[0]) is not None]
    included = {file for item in production for file in item.files[1:]}

    def rank(item: Requirements) -> tuple[bool, bool, bool, bool, int]:
        return (
            "django" not in held[id(item)],
            any(_is_development(file) for file in item.files),
            item.files[0] in included,
            held[id(item)].keys().isdisjoint(SERVERS),
            _name_rank(item.files[0]),
        )

    best = min(candidates, key=rank)
    if held[id(best)].keys().isdisjoint(drivers):
        with_driver = [
            item
            for item in candidates
            if best.files[0] in item.files[1:]
            and not rank(item)[1]
            and not held[id(item)].keys().isdisjoint(drivers)
        ]
        best = min(with_driver, key=rank, default=best)
    additional = []
    if all(_word_rank(file) is None for file in best.files):
        additional = [
            item.files[0]
            for item in sorted(production, key=rank)
            if "django" not in held[id(item)] and not rank(item)[1]
        ][:1]
    installed = [item for item in candidates if item.files[0] in (best.files[0], *additional)]
    if all(held[id(item)].keys().isdisjoint(SERVERS) for item in installed):
        additional += [
            item.files[0]
            for item in sorted(candidates, key=rank)
            if not rank(item)[1]
            and not held[id(item)].keys().isdisjoint(SERVERS)
            and not words(item.files[0].stem) & CONSTRAINTS
        ][:1]
    return [best.files[0], *additional]


def servers(directories: Iterable[Path], root: Path, python: str) -> tuple[Package, ...]:
    """Return the servers in the first requirements file that has one and is for production."""
    for path in (path for directory in directories for path in find(directory)):
        if _is_development(path) or words(path.stem) & CONSTRAINTS or conda.is_export(path):
            continue
        with suppress(ConfigInvalid):
            held = packages(requirements.read(path, root, python))
            if found := tuple(held[name] for name in SERVERS if name in held):
                return found
    return ()


def find(directory: Path) -> list[Path]:
    """Return the requirements files in *directory*, and in those in it that are for them."""
    paths = [
        directory / name for name in files.names(directory) if words(name) & REQUIREMENTS_WORDS
    ]
    for name in REQUIREMENTS_DIRECTORIES:
        paths += [directory / name / inner for inner in files.names(directory / name)]
    found = [path for path in paths if path.suffix in SUFFIXES and files.is_file(path)]
    compiled = {path.with_suffix("") for path in found if path.suffix != ".in"}
    usable = (p for p in found if p.suffix != ".in" or p.with_suffix("") not in compiled)
    return sorted(usable, key=_name_rank)


def _name_rank(path: Path) -> int:
    """Return the order of requirements files by their names: requirements.txt, production, base."""
    if path.name == REQUIREMENTS:
        return 0
    if _is_development(path):
        return 90
    production = _word_rank(path)
    if production is not None:
        return 10 + production
    return 70 if words(path.stem) & (BASE | REQUIREMENTS_WORDS) else 80


def _word_rank(path: Path) -> int | None:
    """Return the position of the word for production in the name of *path*, None without one."""
    found = words(path.stem)
    return next((index for index, word in enumerate(PRODUCTION) if word in found), None)


def _is_development(path: Path) -> bool:
    return bool(words(path.stem) & DEVELOPMENT)


def packages(found: Requirements) -> Packages:
    """Return the packages of requirements files, and what their local packages require."""
    result = [*found.packages.values()]
    for directory, extras in found.local.items():
        path = directory / "pyproject.toml"
        if project := pyproject.read(path, found.root, found.python):
            project = project.with_poetry()
            names = tuple(name for name in project.extras if requirements.canonical(name) in extras)
            chosen = project.selected(Selection(extras=names))
            result += project.packages.values() or pyproject.located(
                project.direct, path, found.root
            )
            result += pyproject.located(chosen, path, found.root)
        if metadata := setuptools.read(directory, found.root, found.python):
            result += metadata.with_extras(extras).values()
    return requirements.join(result)
