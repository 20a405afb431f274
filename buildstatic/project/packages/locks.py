"""Lock files: the packages of an installation without development groups.

uv.lock, poetry.lock, pdm.lock and Pipfile.lock, in the formats of today and of earlier years.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from buildstatic.project import Package, Packages, files
from buildstatic.project.packages import pyproject
from buildstatic.project.packages.known import (
    NO_OPTIONS,
    NO_SELECTION,
    DependencyOptions,
    Selection,
    select,
)
from buildstatic.project.packages.requirements import VCS, canonical, join, marker_applies

Table = Mapping[str, object]
Lines = Mapping[str, int]
# Sections of a Pipfile with other names in its lock file, and those that are not categories.
PIPFILE_LOCK = {"packages": "default", "dev-packages": "develop"}
PIPFILE = {
    *PIPFILE_LOCK,
    *PIPFILE_LOCK.values(),
    "_meta",
    "source",
    "requires",
    "scripts",
    "pipenv",
}
NAME = r'^name = "([^"]+)"'
# Fields for which uv has to build a package to know its dependencies if they are dynamic.
DYNAMIC_DEPENDENCIES = {"dependencies", "optional-dependencies"}


@dataclass(frozen=True)
class Node:
    """A package in a lock file, its dependencies, and those of each of its extras."""

    package: Package
    dependencies: tuple[Requirement, ...] = ()
    extras: Mapping[str, tuple[Requirement, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class LockFile:
    """The *packages* that a lock file installs.

    *files* are those of the project that the installation reads, *directories* those that it
    installs from. *member* is the member of uv's workspace that is installed, empty for the root.
    *selection* are the groups and extras that are installed.
    """

    packages: Packages
    files: tuple[Path, ...] = ()
    directories: tuple[Path, ...] = ()
    member: str = ""
    selection: Selection = NO_SELECTION


def uv(
    path: Path, root: Path, python: str, manage: Path, options: DependencyOptions = NO_OPTIONS
) -> LockFile:
    """Read uv.lock: the dependencies of the project in its directory, or of the one in *manage*."""
    data, text = files.read_toml(path, root)
    lines = files.first_lines(text, NAME)
    tables = _tables(data.get("package"))
    nodes: dict[str, Node] = {}
    for table in tables:
        # Several versions of a package have markers that tell which is for which Python.
        markers = table.get("resolution-markers")
        if isinstance(markers, list) and not any(marker_applies(str(m), python) for m in markers):
            continue
        locked = _package(table, lines, path, root, python)
        optional = table.get("optional-dependencies")
        extras = {
            canonical(extra): tuple(_uv_requirements(entries))
            for extra, entries in (optional.items() if isinstance(optional, dict) else ())
        }
        dependencies = tuple(_uv_requirements(table.get("dependencies")))
        nodes[locked.name] = Node(locked, dependencies, extras)
    found, member, selection = _uv_packages(tables, nodes, path.parent, manage, python, options)
    places = (_uv_local(table, path.parent, found) for table in tables)
    return _lock(found, filter(None, places), root, member, selection)


def _uv_packages(
    tables: Sequence[Table],
    nodes: Mapping[str, Node],
    directory: Path,
    manage: Path,
    python: str,
    options: DependencyOptions,
) -> tuple[Packages, str, Selection]:
    """Return the packages, the name of the workspace member that they are for, and its groups.

    That is the member with manage.py, unless the root project installs it. Without either, all
    packages are installed.
    """
    projects: dict[Path, Table] = {}
    for table in tables:
        source = table.get("source")
        place = source.get("virtual", source.get("editable")) if isinstance(source, dict) else None
        if isinstance(place, str):
            projects[files.resolved(directory / place)] = table
    top = projects.pop(directory, None)
    found: Packages = {}
    selection = Selection()
    if top:
        required, selection = _uv_selected(top, options)
        found = _closure(required, nodes, python)
    containing = [place for place in projects if manage.is_relative_to(place)]
    if containing:
        member = projects[max(containing, key=lambda place: len(place.parts))]
        name = canonical(str(member.get("name")))
        if name not in found:
            required, selection = _uv_selected(member, options)
            return _closure(required, nodes, python), name, selection
    return found if top else join(node.package for node in nodes.values()), "", selection


def _uv_selected(table: Table, options: DependencyOptions) -> tuple[list[Requirement], Selection]:
    """Return what is installed for the project *table*, and its groups and extras."""
    base = list(_uv_requirements(table.get("dependencies")))
    groups, extras = (
        {name: list(_uv_requirements(entries)) for name, entries in found.items()}
        for found in (
            pyproject.table(table, "dev-dependencies"),
            pyproject.table(table, "optional-dependencies"),
        )
    )
    groups = pyproject.with_own_extras(str(table.get("name")), groups, extras)
    project = pyproject.Pyproject(base, {}, False, groups, extras)
    selection = project.select(options)
    return [*base, *project.selected(selection)], selection


def _uv_requirements(entries: object) -> Iterator[Requirement]:
    for entry in _tables(entries):
        extras = entry.get("extra", ())
        listed = ",".join(map(str, extras)) if isinstance(extras, list | tuple) else ""
        marker = entry.get("marker")
        line = f"{entry.get('name')}[{listed}]" + (f" ; {marker}" if marker else "")
        yield from _requirements([line])


def _uv_local(table: Table, directory: Path, installed: Packages) -> Path | None:
    """Return the file or directory of the project that uv reads for the package *table*.

    uv reads the pyproject.toml of every workspace member and every package by path, whether it is
    *installed* or not, and builds one that is not installed only for dynamic dependencies.
    """
    match table.get("source"):
        case {"virtual": str(place)}:
            return directory / place / "pyproject.toml"
        case {"editable": str(place)} | {"directory": str(place)}:
            is_installed = canonical(str(table.get("name"))) in installed
            description = directory / place / "pyproject.toml"
            if is_installed or not files.is_file(description):
                return directory / place
            data, _ = files.read_toml(description, description.parent)
            project = pyproject.table(data, "project")
            dynamic = project.get("dynamic")
            is_built = DYNAMIC_DEPENDENCIES & set(dynamic if isinstance(dynamic, list) else ())
            return description if project and not is_built else directory / place
        case {"path": str(place)}:
            return directory / place
        case {"registry": str(place)} if "://" not in place:
            return directory / place
    return None


def poetry(
    path: Path, root: Path, python: str, options: DependencyOptions = NO_OPTIONS
) -> LockFile:
    """Read poetry.lock: the main group; in older files, the dependencies of pyproject.toml.

    The groups and extras that *options* or their content selects are added.
    """
    data, text = files.read_toml(path, root)
    lines = files.first_lines(text, NAME)
    project = pyproject.read(path.parent / "pyproject.toml", root, python)
    project = project.with_poetry() if project else None
    selection = project.select(options) if project else Selection()
    direct = [*project.direct, *project.selected(selection)] if project else []
    groups = ("main", *selection.groups)
    tables = [
        table
        for table in _tables(data.get("package"))
        if marker_applies(_marker(table.get("markers"), groups), python, selection.extras)
    ]
    nodes = dict(_poetry_node(table, lines, path, root, python) for table in tables)
    if any("groups" in table or "category" in table for table in tables):
        installed = (table for table in tables if _is_in_groups(table, groups))
        found = join(_package(table, lines, path, root, python) for table in installed)
        extra = project.selected(Selection(extras=selection.extras)) if project else []
        found = {**_closure(extra, nodes, python), **found}
    else:
        found = _closure(direct, nodes, python)
    sources = [table.get("source") for table in _installed_tables(tables, found)]
    entries = [source for source in sources if isinstance(source, dict)]
    urls = [entry.get("url") for entry in entries if entry.get("type") in ("directory", "file")]
    # The lock file does not have the extras that the project itself requires.
    required = {canonical(need.name): frozenset(map(canonical, need.extras)) for need in direct}
    packages = {
        name: replace(item, extras=item.extras | required.get(canonical(name), frozenset()))
        for name, item in found.items()
    }
    return _lock(packages, _paths(path.parent, urls), root, "", selection)


def _is_in_groups(table: Table, chosen: Sequence[str]) -> bool:
    """Return whether a package is in one of the *chosen* groups and not only in an extra."""
    groups = table.get("groups", [table.get("category")])
    is_optional = table.get("optional") is True
    return isinstance(groups, list) and not is_optional and not {*chosen}.isdisjoint(groups)


def _poetry_node(
    table: Table, lines: Lines, path: Path, root: Path, python: str
) -> tuple[str, Node]:
    locked = _package(table, lines, path, root, python)
    dependencies = table.get("dependencies")
    entries = dependencies.items() if isinstance(dependencies, dict) else ()
    required = [
        f"{name} ; {spec['markers']}" if isinstance(spec, dict) and "markers" in spec else name
        for name, spec in entries
        if not (isinstance(spec, dict) and spec.get("optional") is True)
    ]
    optional = table.get("extras")
    extras = {
        canonical(extra): tuple(_requirements([str(line).split(" (")[0] for line in listed]))
        for extra, listed in (optional.items() if isinstance(optional, dict) else ())
    }
    return locked.name, Node(locked, tuple(_requirements(required)), extras)


def pdm(path: Path, root: Path, python: str, options: DependencyOptions = NO_OPTIONS) -> LockFile:
    """Read pdm.lock: the default group; in older files, the dependencies of pyproject.toml.

    Extras are groups of the lock file. Those that it was not locked with are not selected.
    """
    data, text = files.read_toml(path, root)
    lines = files.first_lines(text, NAME)
    tables = [
        table
        for table in _tables(data.get("package"))
        if marker_applies(_marker(table.get("marker")), python)
    ]
    project = pyproject.read(path.parent / "pyproject.toml", root, python)
    selection = Selection()
    if project:
        locked_groups = _texts(pyproject.table(data, "metadata"), "groups")
        groups, optional = (
            {k: v for k, v in found.items() if not locked_groups or canonical(k) in locked_groups}
            for found in ({**project.groups, **project.pdm_groups}, project.extras)
        )
        project = replace(project, groups=groups, extras=optional)
        selection = project.select(options)
    if any("groups" in table for table in tables):
        chosen = {"default", *map(canonical, (*selection.groups, *selection.extras))}
        found = join(
            replace(_package(table, lines, path, root, python), extras=_texts(table, "extras"))
            for table in tables
            if chosen & _texts(table, "groups")
        )
    else:
        nodes: dict[str, Node] = {}
        for table in tables:
            locked = _package(table, lines, path, root, python)
            node = nodes.get(locked.name, Node(locked))
            required = tuple(_requirements(sorted(_texts(table, "dependencies"))))
            # Each extra is a table of its own, with the same name.
            if extras := {canonical(extra): required for extra in _texts(table, "extras")}:
                nodes[locked.name] = replace(node, extras={**node.extras, **extras})
            else:
                nodes[locked.name] = replace(node, dependencies=required)
        direct = [*project.direct, *project.selected(selection)] if project else []
        found = _closure(direct, nodes, python)
    places = [table.get("path") for table in _installed_tables(tables, found)]
    return _lock(found, _paths(path.parent, places), root, "", selection)


def pipenv(
    path: Path, root: Path, python: str, options: DependencyOptions = NO_OPTIONS
) -> LockFile:
    """Read Pipfile.lock: its default section, and the categories that are selected."""
    data, text = files.read_json(path, root)
    selection = _categories(data, options)
    found, places = [], []
    for section in ("default", *(PIPFILE_LOCK.get(name, name) for name in selection.groups)):
        lines = files.first_lines(text, r'^\s+"([^"]+)": \{', text.find(f'"{section}": {{'))
        for name, entry in pyproject.table(data, section).items():
            if not isinstance(entry, dict):
                continue
            if not marker_applies(_marker(entry.get("markers")), python):
                continue
            version = str(entry.get("version", "")).replace("*", "")
            source = f"{files.relative(path, root)}:{lines.get(name, 1)}"
            extras = _texts(entry, "extras")
            found.append(Package(canonical(name), version, extras, source, vcs=_vcs(entry)))
            places.append(entry.get("path"))
    return _lock(join(found), _paths(path.parent, places), root, selection=selection)


def pipfile(
    path: Path, root: Path, options: DependencyOptions = NO_OPTIONS
) -> tuple[Packages, Selection]:
    """Return the packages in a Pipfile and its categories; the versions are in its lock file."""
    data, text = files.read_toml(path, root)
    selection = _categories(data, options)
    found = []
    for section in ("packages", *selection.groups):
        for name, entry in pyproject.table(data, section).items():
            keys = entry if isinstance(entry, dict) else {}
            extras = frozenset(map(canonical, _texts(keys, "extras")))
            line = files.toml_line(text, section, name)
            source = f"{files.relative(path, root)}:{line}"
            found.append(Package(canonical(name), "", extras, source, vcs=_vcs(keys)))
    return join(found), selection


def _categories(data: Table, options: DependencyOptions) -> Selection:
    """Return the selected categories of a Pipfile, or of its lock file, as groups.

    pipenv.pypa.io/en/latest/pipfile.html, "Custom Package Categories"
    """
    names = {name: list(map(canonical, pyproject.table(data, name))) for name in data}
    base = names.get("packages", names.get("default", []))
    groups = {name: held for name, held in names.items() if name not in PIPFILE}
    selection = select(base, groups, {}, options)
    return replace(
        selection, extras=(), all_groups=(*groups, *PIPFILE_LOCK, *PIPFILE_LOCK.values())
    )


def _tables(value: object) -> list[Table]:
    entries = value if isinstance(value, list) else []
    return [entry for entry in entries if isinstance(entry, dict)]


def _texts(table: Table, key: str) -> frozenset[str]:
    listed = table.get(key)
    return frozenset(map(str, listed)) if isinstance(listed, list) else frozenset()


def _marker(value: object, groups: Sequence[str] = ("main",)) -> str | None:
    """Return a package's marker; if Poetry has one for each group, that of the first of *groups*.

    None if one of *groups* has the package without a marker.
    """
    if isinstance(value, dict):
        value = next((value[group] for group in groups if group in value), None)
    return value if isinstance(value, str) else None


def _requirements(lines: Sequence[str]) -> Iterator[Requirement]:
    for line in lines:
        try:
            yield Requirement(line)
        except InvalidRequirement:
            continue


def _package(table: Table, lines: Lines, path: Path, root: Path, python: str) -> Package:
    name, version = str(table.get("name", "")), table.get("version")
    specifier = f"=={version}" if version else ""
    source = f"{files.relative(path, root)}:{lines.get(name, 1)}"
    origin = table.get("source")
    held = {*table, *origin, str(origin.get("type"))} if isinstance(origin, dict) else table
    wheel, is_foreign = _wheel(table, python)
    return Package(canonical(name), specifier, frozenset(), source, wheel, _vcs(held), is_foreign)


def _vcs(keys: Collection[str]) -> str:
    """Return the version control program that is among the *keys* of a package."""
    return next((program for program in VCS if program in keys), "")


def _wheel(table: Table, python: str) -> tuple[bool | None, bool]:
    """Return whether a wheel for Linux is among the files of *table*; and whether only others are.

    The first is None if it lists no files, or only wheels for other systems.
    """
    wheels, sdist = table.get("wheels"), table.get("sdist")
    entries = [*_tables(wheels), *_tables(table.get("files")), *_tables([sdist])]
    named = [str(e.get("file") or e.get("url") or e.get("path") or "") for e in entries]
    names = [name.rpartition("/")[2].partition("#")[0] for name in named if name]
    if any(name.endswith(".whl") and _fits(name, python) for name in names):
        return True, False
    if not all(name.endswith(".whl") for name in names):
        return False, False
    platforms = [name.removesuffix(".whl").rpartition("-")[2] for name in names]
    is_for_linux = (platform == "any" or "linux" in platform for platform in platforms)
    return None, bool(platforms) and not any(is_for_linux)


def _fits(wheel: str, python: str) -> bool:
    """Return whether the file *wheel* can be installed on Linux with *python* (``3.13``)."""
    parts = wheel.removesuffix(".whl").split("-")
    if len(parts) < 3:
        return False
    *_, interpreters, abi, platforms = parts
    if platforms != "any" and "linux" not in platforms:
        return False
    minor = int(python.split(".")[1])
    for tag in interpreters.split("."):
        if tag in ("py3", f"cp3{minor}", f"py3{minor}"):
            return True
        older = re.fullmatch(r"(?:cp|py)3(\d+)", tag)
        if older and int(older[1]) <= minor and abi in ("abi3", "none"):
            return True
    return False


def _installed_tables(tables: Sequence[Table], found: Packages) -> list[Table]:
    return [table for table in tables if canonical(str(table.get("name"))) in found]


def _paths(directory: Path, places: Iterable[object]) -> Iterator[Path]:
    return (directory / place for place in places if isinstance(place, str))


def _lock(
    packages: Packages,
    local: Iterable[Path],
    root: Path,
    member: str = "",
    selection: Selection = NO_SELECTION,
) -> LockFile:
    """Return a lock whose files and directories are those of *local* inside of *root*."""
    found = dict.fromkeys(map(files.resolved, local))
    inside = [place for place in found if place.is_relative_to(root)]
    return LockFile(
        packages,
        tuple(place for place in inside if files.is_file(place)),
        tuple(place for place in inside if files.is_directory(place)),
        member,
        selection,
    )


def _closure(roots: Sequence[Requirement], nodes: Mapping[str, Node], python: str) -> Packages:
    """Return everything that *roots* depend on among *nodes*, with the extras required."""
    found: Packages = {}
    queue = [(requirement, frozenset[str]()) for requirement in roots]
    while queue:
        requirement, parent_extras = queue.pop()
        node = nodes.get(canonical(requirement.name))
        if node is None or not marker_applies(requirement.marker, python, parent_extras):
            continue
        extras = frozenset(map(canonical, requirement.extras))
        known = found.get(node.package.name)
        new = extras - known.extras if known else extras
        if known and not new:
            continue
        held = extras | (known.extras if known else frozenset())
        found[node.package.name] = replace(node.package, extras=held)
        queue += [(inner, held) for inner in (() if known else node.dependencies)]
        queue += [(inner, held) for extra in new for inner in node.extras.get(extra, ())]
    return found
