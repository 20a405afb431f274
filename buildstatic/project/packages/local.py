"""What a lock file installs of the project's own: workspace members, packages by their paths."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from buildstatic.project import files
from buildstatic.project.packages import canonical, pyproject

Table = Mapping[str, object]
# What uv has to build a package for, only to know what it needs.
UNTOLD = {"dependencies", "optional-dependencies"}


@dataclass(frozen=True)
class Local:
    """The *files* that are read, and the *directories* that are installed from."""

    files: tuple[Path, ...] = ()
    directories: tuple[Path, ...] = ()


def uv(tables: Iterable[Table], directory: Path, root: Path, installed: Collection[str]) -> Local:
    """Return what uv reads beside its lock file in *directory*, of which *tables* are the packages.

    It looks into the pyproject.toml of every member of the workspace, and of every package by path,
    whether it is *installed* or not.
    """
    places = (_uv_place(table, directory, installed) for table in tables)
    return _local((place for place in places if place), root)


def _uv_place(table: Table, directory: Path, installed: Collection[str]) -> Path | None:
    match table.get("source"):
        case {"virtual": str(place)}:
            return directory / place / "pyproject.toml"
        case {"editable": str(place)} | {"directory": str(place)}:
            is_installed = canonical(str(table.get("name"))) in installed
            description = directory / place / "pyproject.toml"
            return description if not is_installed and _is_told(description) else directory / place
        case {"path": str(place)}:
            return directory / place
        case {"registry": str(place)} if "://" not in place:
            return directory / place
    return None


def _is_told(description: Path) -> bool:
    """Say whether *description*, a pyproject.toml, tells what its package needs."""
    if not files.is_file(description):
        return False
    data, _ = files.read_toml(description, description.parent)
    project = pyproject.table(data, "project")
    dynamic = project.get("dynamic")
    return bool(project) and not UNTOLD & set(dynamic if isinstance(dynamic, list) else ())


def poetry(tables: Iterable[Table], directory: Path, root: Path) -> Local:
    """Return what is installed by its path among *tables*, the packages that Poetry installs."""
    sources = (table.get("source") for table in tables)
    entries = [source for source in sources if isinstance(source, dict)]
    urls = [entry.get("url") for entry in entries if entry.get("type") in ("directory", "file")]
    return _local(_within(directory, urls), root)


def by_path(tables: Iterable[Table], directory: Path, root: Path) -> Local:
    """Return the same for *tables* of pdm's and Pipenv's, which have the path itself."""
    return _local(_within(directory, [table.get("path") for table in tables]), root)


def _within(directory: Path, places: Iterable[object]) -> Iterator[Path]:
    return (directory / place for place in places if isinstance(place, str))


def _local(places: Iterable[Path], root: Path) -> Local:
    found = dict.fromkeys(map(files.resolved, places))
    inside = [place for place in found if place.is_relative_to(root)]
    return Local(
        tuple(place for place in inside if files.is_file(place)),
        tuple(place for place in inside if files.is_directory(place)),
    )
