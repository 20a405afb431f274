"""Lock files: the packages that an installation without development groups brings.

uv.lock, poetry.lock, pdm.lock and Pipfile.lock, each as its tool writes it today and wrote it in
the years before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from buildstatic.project import files
from buildstatic.project.packages import Package, Packages, canonical, holds, join, local, pyproject
from buildstatic.project.packages.local import Local

Table = Mapping[str, object]
Lines = Mapping[str, int]


@dataclass(frozen=True)
class Node:
    """A package in a lock file, what it needs, and what it needs for each of its extras."""

    package: Package
    needs: tuple[Requirement, ...] = ()
    extras: Mapping[str, tuple[Requirement, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Lock:
    """What a lock file installs: the *packages*, and what of them is the project's own.

    *member* is the one of uv's workspace that is installed, empty where it is the root.
    """

    packages: Packages
    local: Local = field(default_factory=Local)
    member: str = ""


def uv(path: Path, root: Path, python: str, manage: Path) -> Lock:
    """Read uv.lock: what the project in its directory needs, or else the one in *manage*'s."""
    data, text = files.read_toml(path, root)
    lines = _lines(text)
    tables = _tables(data.get("package"))
    nodes = dict(_uv_node(table, lines, path, root) for table in tables if _is_for(table, python))
    found, member = _uv_packages(tables, nodes, path.parent, manage, python)
    return Lock(found, local.uv(tables, path.parent, root, found), member)


def _uv_packages(
    tables: Sequence[Table],
    nodes: Mapping[str, Node],
    directory: Path,
    manage: Path,
    python: str,
) -> tuple[Packages, str]:
    """Return the packages, and the member of the workspace whose they are.

    That is the one with manage.py, unless the project in the root installs it; with neither, all.
    """
    places = {place: table for table in tables if (place := _place(table, directory))}
    top = places.pop(directory, None)
    found = _closure(list(_uv_needs(top.get("dependencies"))), nodes, python) if top else {}
    holding = [place for place in places if manage.is_relative_to(place)]
    member = places[max(holding, key=lambda place: len(place.parts))] if holding else None
    name = canonical(str(member.get("name"))) if member else ""
    if member and name not in found:
        return _closure(list(_uv_needs(member.get("dependencies"))), nodes, python), name
    return found if top else join(node.package for node in nodes.values()), ""


def _place(table: Table, directory: Path) -> Path | None:
    """Return where the project is whose lock file in *directory* is, or a member of it."""
    source = table.get("source")
    place = source.get("virtual", source.get("editable")) if isinstance(source, dict) else None
    return files.resolved(directory / place) if isinstance(place, str) else None


def _is_for(table: Table, python: str) -> bool:
    """Say whether a package of which there are several versions is the one for *python*."""
    markers = table.get("resolution-markers")
    return not isinstance(markers, list) or any(holds(str(one), python) for one in markers)


def _uv_node(table: Table, lines: Lines, path: Path, root: Path) -> tuple[str, Node]:
    package = _locked(table, lines, path, root)
    optional = table.get("optional-dependencies")
    extras = {
        canonical(extra): tuple(_uv_needs(needs))
        for extra, needs in (optional.items() if isinstance(optional, dict) else ())
    }
    return package.name, Node(package, tuple(_uv_needs(table.get("dependencies"))), extras)


def _uv_needs(entries: object) -> Iterator[Requirement]:
    for entry in _tables(entries):
        extras = entry.get("extra", ())
        listed = ",".join(map(str, extras)) if isinstance(extras, list | tuple) else ""
        marker = entry.get("marker")
        line = f"{entry.get('name')}[{listed}]" + (f" ; {marker}" if marker else "")
        yield from _requirements([line])


def poetry(path: Path, root: Path, python: str) -> Lock:
    """Read poetry.lock: its main group, else, in older ones, what pyproject.toml leads to."""
    data, text = files.read_toml(path, root)
    lines = _lines(text)
    tables = [
        table
        for table in _tables(data.get("package"))
        if holds(_marker(table.get("markers")), python)
    ]
    project = pyproject.read(path.parent / "pyproject.toml", root, python)
    direct = project.direct if project else []
    if any("groups" in table or "category" in table for table in tables):
        main = [table for table in tables if _is_main(table)]
        found = join(_locked(table, lines, path, root) for table in main)
    else:
        nodes = dict(_poetry_node(table, lines, path, root) for table in tables)
        found = _closure(direct, nodes, python)
    own = local.poetry(_named(tables, found), path.parent, root)
    return Lock(_with_extras(found, direct), own)


def _named(tables: Sequence[Table], found: Packages) -> list[Table]:
    return [table for table in tables if canonical(str(table.get("name"))) in found]


def _marker(value: object) -> str | None:
    """Return a package's marker; where poetry gives one for each group, main's."""
    value = value.get("main") if isinstance(value, dict) else value
    return value if isinstance(value, str) else None


def _is_main(table: Table) -> bool:
    groups = table.get("groups", [table.get("category")])
    return isinstance(groups, list) and "main" in groups and table.get("optional") is not True


def _poetry_node(table: Table, lines: Lines, path: Path, root: Path) -> tuple[str, Node]:
    package = _locked(table, lines, path, root)
    needs = table.get("dependencies")
    entries = needs.items() if isinstance(needs, dict) else ()
    needed = [
        f"{name} ; {spec['markers']}" if isinstance(spec, dict) and "markers" in spec else name
        for name, spec in entries
        if not (isinstance(spec, dict) and spec.get("optional") is True)
    ]
    optional = table.get("extras")
    extras = {
        canonical(extra): tuple(_requirements([str(line).split(" (")[0] for line in wanted]))
        for extra, wanted in (optional.items() if isinstance(optional, dict) else ())
    }
    return package.name, Node(package, tuple(_requirements(needed)), extras)


def pdm(path: Path, root: Path, python: str) -> Lock:
    """Read pdm.lock: its default group, else, in older ones, what pyproject.toml leads to."""
    data, text = files.read_toml(path, root)
    lines = _lines(text)
    tables = [
        table
        for table in _tables(data.get("package"))
        if holds(_marker(table.get("marker")), python)
    ]
    found = _pdm_packages(tables, lines, path, root, python)
    return Lock(found, local.by_path(_named(tables, found), path.parent, root))


def _pdm_packages(
    tables: Sequence[Table], lines: Lines, path: Path, root: Path, python: str
) -> Packages:
    if any("groups" in table for table in tables):
        main = [table for table in tables if "default" in _names(table, "groups")]
        return join(
            replace(_locked(table, lines, path, root), extras=_names(table, "extras"))
            for table in main
        )
    project = pyproject.read(path.parent / "pyproject.toml", root, python)
    nodes: dict[str, Node] = {}
    for table in tables:
        package = _locked(table, lines, path, root)
        nodes[package.name] = _with_table(nodes.get(package.name, Node(package)), table)
    return _closure(project.direct if project else [], nodes, python)


def _with_table(node: Node, table: Table) -> Node:
    """Return *node* with what *table* adds: an extra is a table of its own, of the same name."""
    needs = tuple(_requirements(sorted(_names(table, "dependencies"))))
    extras = {canonical(extra): needs for extra in _names(table, "extras")}
    if extras:
        return replace(node, extras={**node.extras, **extras})
    return replace(node, needs=needs)


def _names(table: Table, key: str) -> frozenset[str]:
    listed = table.get(key)
    return frozenset(map(str, listed)) if isinstance(listed, list) else frozenset()


def pipenv(path: Path, root: Path, python: str) -> Lock:
    """Read Pipfile.lock: its default section."""
    data, text = files.read_json(path, root)
    lines = _lines(text, r'^\s+"([^"]+)": \{', text.find('"default"'))
    section = data.get("default")
    found, tables = [], []
    for name, entry in section.items() if isinstance(section, dict) else ():
        if not isinstance(entry, dict) or not holds(_marker(entry.get("markers")), python):
            continue
        version = str(entry.get("version", "")).replace("*", "")
        source = f"{files.relative(path, root)}:{lines.get(name, 1)}"
        found.append(Package(canonical(name), version, _names(entry, "extras"), source))
        tables.append(entry)
    return Lock(join(found), local.by_path(tables, path.parent, root))


def _tables(value: object) -> list[Table]:
    entries = value if isinstance(value, list) else []
    return [entry for entry in entries if isinstance(entry, dict)]


def _lines(text: str, pattern: str = r'^name = "([^"]+)"', start: int = 0) -> Lines:
    """Return the line of each name that *pattern* finds in *text* from *start* on, its first."""
    found: dict[str, int] = {}
    line, last = 1, 0
    for match in re.compile(pattern, re.MULTILINE).finditer(text, max(start, 0)):
        line, last = line + text.count("\n", last, match.start(1)), match.start(1)
        found.setdefault(match[1], line)
    return found


def _locked(table: Table, lines: Lines, path: Path, root: Path) -> Package:
    name, version = str(table.get("name", "")), table.get("version")
    specifier = f"=={version}" if version else ""
    source = f"{files.relative(path, root)}:{lines.get(name, 1)}"
    return Package(canonical(name), specifier, frozenset(), source)


def _requirements(lines: Sequence[str]) -> Iterator[Requirement]:
    for line in lines:
        try:
            yield Requirement(line)
        except InvalidRequirement:
            continue


def _closure(roots: Sequence[Requirement], nodes: Mapping[str, Node], python: str) -> Packages:
    """Return all that *roots* need among *nodes*, with the extras that they are asked for."""
    found: Packages = {}
    queue = [(need, frozenset[str]()) for need in roots]
    while queue:
        need, asked = queue.pop()
        node = nodes.get(canonical(need.name))
        if node is None or not holds(need.marker, python, asked):
            continue
        extras = frozenset(map(canonical, need.extras))
        known = found.get(node.package.name)
        new = extras - known.extras if known else extras
        if known and not new:
            continue
        held = extras | (known.extras if known else frozenset())
        found[node.package.name] = replace(node.package, extras=held)
        queue += [(inner, held) for inner in (() if known else node.needs)]
        queue += [(inner, held) for extra in new for inner in node.extras.get(extra, ())]
    return found


def _with_extras(found: Packages, direct: Sequence[Requirement]) -> Packages:
    """Return *found* with the extras that the project itself asks for."""
    asked = {canonical(need.name): frozenset(map(canonical, need.extras)) for need in direct}
    return {
        name: replace(item, extras=item.extras | asked.get(canonical(name), frozenset()))
        for name, item in found.items()
    }
