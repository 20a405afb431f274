"""The dependencies in pyproject.toml: the standard's and Poetry's.

https://packaging.python.org/en/latest/specifications/pyproject-toml/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from buildstatic.errors import ConfigInvalid
from buildstatic.project import Package, Packages, files
from buildstatic.project.packages.known import DependencyOptions, Selection, select
from buildstatic.project.packages.requirements import (
    canonical,
    join,
    marker_applies,
    package,
)


@dataclass(frozen=True)
class Pyproject:
    """The dependencies in pyproject.toml.

    *direct* are the standard's and Poetry's; *packages* the standard's alone, by name; *poetry* is
    whether it has Poetry's table. *groups* are the dependency groups and *extras* the optional
    dependencies; *poetry_groups* and *poetry_extras* are those that only Poetry reads, and
    *pdm_groups* those that only PDM reads. *local* are directories of packages that are installed.
    """

    direct: list[Requirement]
    packages: Packages
    poetry: bool
    groups: Mapping[str, list[Requirement]] = field(default_factory=dict)
    extras: Mapping[str, list[Requirement]] = field(default_factory=dict)
    pdm_groups: Mapping[str, list[Requirement]] = field(default_factory=dict)
    poetry_groups: Mapping[str, list[Requirement]] = field(default_factory=dict)
    poetry_extras: Mapping[str, list[Requirement]] = field(default_factory=dict)
    local: tuple[Path, ...] = ()

    def with_poetry(self) -> Pyproject:
        """Return it as Poetry reads it: the groups and extras are its own as well."""
        return replace(
            self,
            groups={**self.groups, **self.poetry_groups},
            extras={**self.poetry_extras, **self.extras},
        )

    def select(self, options: DependencyOptions) -> Selection:
        """Return the groups and extras that are installed."""
        groups, extras = (
            {name: [canonical(item.name) for item in listed] for name, listed in table.items()}
            for table in (self.groups, self.extras)
        )
        return select([canonical(item.name) for item in self.direct], groups, extras, options)

    def selected(self, selection: Selection) -> list[Requirement]:
        """Return the requirements of the groups and extras in *selection*."""
        return [
            *(item for name in selection.groups for item in self.groups.get(name, ())),
            *(item for name in selection.extras for item in self.extras.get(name, ())),
        ]


def read(path: Path, root: Path, python: str) -> Pyproject | None:
    """Read the pyproject.toml at *path* for *python* on Linux; None if it does not exist.

    Raises `ConfigInvalid`, with file and line, for an invalid dependency.
    """
    if not files.is_file(path):
        return None
    data, text = files.read_toml(path, root)
    stated = [
        (requirement, source)
        for requirement, source in _standard(data, text, files.relative(path, root))
        if marker_applies(requirement.marker, python)
    ]
    poetry = table(data, "tool", "poetry")
    dependencies = table(poetry, "dependencies")
    own = [requirement for requirement, _ in stated]
    poetry_groups = {
        name: list(_poetry(table(poetry, "group", name, "dependencies")))
        for name in table(poetry, "group")
    }
    # pdm-project.org/latest/usage/dependency, "Add development only dependencies"
    extras, poetry_extras, pdm_groups = (
        {name: _valid(listed) for name, listed in table(data, *keys).items()}
        for keys in (
            ("project", "optional-dependencies"),
            ("tool", "poetry", "extras"),
            ("tool", "pdm", "dev-dependencies"),
        )
    )
    groups = _groups(table(data, "dependency-groups"))
    name = str(table(data, "project").get("name") or poetry.get("name"))
    groups, extras, pdm_groups = (
        with_own_extras(name, found, extras) for found in (groups, extras, pdm_groups)
    )
    named = [table(data, "tool", "uv", "sources"), dependencies]
    named += [table(poetry, "group", each, "dependencies") for each in poetry_groups]
    repositories, local = _sources(named, path.parent, root)
    for requirement in chain(own, *groups.values(), *extras.values()):
        requirement.url = repositories.get(canonical(requirement.name), requirement.url)
    packages = join(package(requirement, source) for requirement, source in stated)
    return Pyproject(
        [*own, *_poetry(dependencies)],
        packages,
        bool(dependencies),
        groups,
        extras,
        pdm_groups,
        poetry_groups,
        poetry_extras,
        local,
    )


def located(found: Iterable[Requirement], path: Path, root: Path) -> list[Package]:
    """Return *found* in the pyproject.toml at *path* as packages."""
    lines = files.first_lines(files.read_text(path, root), r"(?:[\"']|^)([A-Za-z0-9][\w.-]*)")
    file = files.relative(path, root)
    return [package(each, f"{file}:{lines.get(each.name, 1)}") for each in found]


def with_own_extras(
    name: str, tables: Mapping[str, list[Requirement]], extras: Mapping[str, list[Requirement]]
) -> dict[str, list[Requirement]]:
    """Return *tables* with what the *extras* of the project *name* hold where they are required.

    As in ``all = ["name[web]"]`` (pip.pypa.io/en/stable/news, 21.2: "recursive extras").
    """
    held = {canonical(extra): listed for extra, listed in extras.items()}
    expanded: dict[str, list[Requirement]] = {}
    for key, listed in tables.items():
        expanded[key], seen, left = [], set[str](), [*reversed(listed)]
        while left:
            item = left.pop()
            if canonical(item.name) != canonical(name) or not item.extras:
                expanded[key].append(item)
                continue
            inner = sorted(set(map(canonical, item.extras)) - seen)
            seen.update(inner)
            left += [each for extra in inner for each in reversed(held.get(extra, []))]
    return expanded


def required_uv(directory: Path, root: Path) -> str:
    """Return the specifiers of ``required-version`` in uv.toml or pyproject.toml, empty if none.

    docs.astral.sh/uv/reference/settings, "required-version": a version alone is that version.
    """
    for name, keys in (("uv.toml", ()), ("pyproject.toml", ("tool", "uv"))):
        path = directory / name
        if not files.is_file(path):
            continue
        value = table(files.read_toml(path, root)[0], *keys).get("required-version")
        if isinstance(value, str):
            with suppress(InvalidSpecifier):
                return str(SpecifierSet(value if value.strip()[:1] in "<>=!~" else f"=={value}"))
    return ""


def table(data: Mapping[str, object], *keys: str) -> Mapping[str, object]:
    """Return the table at the path *keys* of *data*, or an empty one."""
    for key in keys:
        inner = data.get(key)
        if not isinstance(inner, dict):
            return {}
        data = inner
    return data


def _sources(
    tables: Iterable[Mapping[str, object]], directory: Path, root: Path
) -> tuple[dict[str, str], tuple[Path, ...]]:
    """Return the URLs of repositories by package, and the directories of packages in *root*.

    docs.astral.sh/uv/concepts/projects/dependencies, "Dependency sources";
    python-poetry.org/docs/dependency-specification, "Path dependencies".
    """
    repositories: dict[str, str] = {}
    local = []
    for name, value in (item for each in tables for item in each.items()):
        for source in value if isinstance(value, list) else [value]:
            held = source if isinstance(source, dict) else {}
            if "git" in held:
                repositories[canonical(name)] = f"git+{held['git']}"
            place = files.resolved(directory / str(held.get("path", "")))
            if "path" in held and place.is_relative_to(root) and files.is_directory(place):
                local.append(place)
    return repositories, tuple(local)


def _standard(
    data: Mapping[str, object], text: str, file: str
) -> Iterator[tuple[Requirement, str]]:
    entries = table(data, "project").get("dependencies")
    if entries is None:
        return
    start = files.toml_line(text, "project", "dependencies")
    if not isinstance(entries, list):
        problem = f"{file}:{start}: dependencies is not a list."
        raise ConfigInvalid(problem, 'Write dependencies = ["Django"].')
    quoted: dict[str, int] = {}
    for number, content in enumerate(text.splitlines()[start - 1 :], start):
        for double, single in re.findall(r"""\"([^"]*)\"|'([^']*)'""", content):
            quoted.setdefault(double or single, number)
    for entry in entries:
        line = quoted.get(str(entry), start)
        try:
            yield Requirement(str(entry)), f"{file}:{line}"
        except InvalidRequirement as error:
            problem = f"{file}:{line}: {entry} is not a valid requirement."
            raise ConfigInvalid(problem, "Write it as name>=version.") from error


def _groups(tables: Mapping[str, object]) -> dict[str, list[Requirement]]:
    """Return the requirements of each dependency group, with those it includes (PEP 735)."""
    entries: dict[str, list[Requirement | str]] = {}
    for name, listed in tables.items():
        entries[name] = []
        for entry in listed if isinstance(listed, list) else ():
            inner = entry.get("include-group") if isinstance(entry, dict) else None
            entries[name] += [inner] if isinstance(inner, str) else _valid([entry])
    groups: dict[str, list[Requirement]] = {}
    for name in entries:
        groups[name], seen, left = [], {name}, [*reversed(entries[name])]
        while left:
            item = left.pop()
            if isinstance(item, Requirement):
                groups[name].append(item)
            elif item not in seen:
                seen.add(item)
                left += reversed(entries.get(item, []))
    return groups


def _valid(entries: object) -> list[Requirement]:
    """Return those of *entries* that are requirements."""
    found = []
    for entry in entries if isinstance(entries, list) else ():
        with suppress(InvalidRequirement):
            found.append(Requirement(str(entry)))
    return found


def _poetry(dependencies: Mapping[str, object]) -> Iterator[Requirement]:
    """Yield names, extras and repositories of Poetry's dependencies.

    The versions are in its lock file.
    """
    for name, spec in dependencies.items():
        options = spec if isinstance(spec, dict) else {}
        if name == "python" or options.get("optional") is True:
            continue
        extras = options.get("extras", [])
        listed = ",".join(map(str, extras)) if isinstance(extras, list) else ""
        url = f" @ git+{options['git']}" if "git" in options else ""
        try:
            yield Requirement(f"{name}[{listed}]{url}")
        except InvalidRequirement:
            continue
