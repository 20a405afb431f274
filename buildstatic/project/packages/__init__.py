"""Find how a project's packages are installed, and which they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from buildstatic.errors import ConfigInvalid
from buildstatic.project import Dependencies, Fact, Package, Packages, files
from buildstatic.project.packages import (
    conda,
    indexes,
    locks,
    pyproject,
    requirements,
    requirements_files,
    setuptools,
)
from buildstatic.project.packages.known import (
    DEVELOPMENT,
    NO_OPTIONS,
    NO_SELECTION,
    NOT_INSTALLABLE,
    SERVERS,
    DependencyOptions,
    Selection,
    select,
    words,
)
from buildstatic.project.packages.requirements import Requirements, canonical

# Lock files in order of precedence, with their manager and the other files that it reads.
LOCK_FILES = {
    "uv.lock": ("uv", ("pyproject.toml", "uv.toml")),
    "poetry.lock": ("poetry", ("pyproject.toml",)),
    "pdm.lock": ("pdm", ("pyproject.toml",)),
    "Pipfile.lock": ("pipenv", ("Pipfile",)),
}
TEXTS = (".txt", ".in", ".pip", ".toml", ".lock", ".yml", ".yaml", ".cfg", ".py", "Pipfile")
SSH = re.compile(r"^[^#\n]*(?:\bssh://|\bgit@[\w.-]+:)", re.MULTILINE)
NOT_SEARCHED = {"node_modules", "venv", "env", "docs", "doc", "tests", "test", "examples", "dev"}


@dataclass(frozen=True)
class Installed:
    """The fact for the project, the packages by canonical name, and notes on missing lock files.

    *selection* are the groups and extras that are installed, and those that can be.
    """

    fact: Fact[Dependencies] | None
    packages: Packages
    notes: tuple[str, ...] = ()
    selection: Selection = NO_SELECTION


def find_dependencies(
    root: Path, manage: Path, python: str, options: DependencyOptions = NO_OPTIONS
) -> Installed:
    """Return how the project is installed: the first way that installs Django, else the first.

    The directories are *root*, then those from *manage* (manage.py's) up to it, then the others in
    *root*. In each a lock file takes precedence over pyproject.toml, that over requirements files,
    unless one of these locks everything in pyproject.toml, and those over conda's environment.yml
    and setup.py. *python* is the version for markers. Raises `ConfigInvalid` for a file that cannot
    be read, and for a group or an extra in *options* that there is not.
    """
    found = _find(root, manage, python, options)
    if found.fact is None:
        return found
    value, directory = found.fact.value, (root / found.fact.value.file).parent
    for kind, named, known in (
        ("group", options.groups, found.selection.all_groups),
        ("extra", options.extras, found.selection.all_extras),
    ):
        unknown = [x for x in named or () if canonical(x) not in map(canonical, known)]
        if unknown:
            problem = (
                f"{value.file}, which the packages are installed from, has no {kind} {unknown[0]}."
            )
            listed = f"It has {', '.join(known)}." if known else "It has none."
            fix = f"{listed} Correct --{kind}, or {kind}s in [tool.buildstatic]."
            raise ConfigInvalid(problem, fix)
    servers: tuple[Package, ...] = ()
    if value.manager not in ("pip", "conda") and found.packages.keys().isdisjoint(SERVERS):
        servers = requirements_files.servers(dict.fromkeys((directory, root)), root, python)
    packages = {**found.packages, **{server.name: server for server in servers}}
    private = indexes.find(directory, root, value.manager)
    secrets = tuple(dict.fromkeys((*value.secrets, *private.variables)))
    trusted = indexes.hosts((*value.trusted_hosts, *private.trusted_hosts))
    index = indexes.usable(value.index, trusted) or indexes.usable(private.default, trusted)
    required = "" if value.manager == "pip" else pyproject.required_uv(directory, root)
    value = replace(
        value,
        secrets=secrets,
        index=index,
        trusted_hosts=trusted,
        uv=required,
        servers=tuple(map(str, servers)),
    )
    notes = found.notes
    # Those of requirements files are left out of the packages, too.
    if unusable := [n for n, p in found.packages.items() if p.is_foreign or n in NOT_INSTALLABLE]:
        effect = "so installing the packages fails"
        if value.manager == "uv":
            value, effect = replace(value, left_out=tuple(unusable)), "which does without"
        notes += (
            f"{value.file}: {', '.join(unusable)} cannot be installed in the image, {effect}."
            " Remove such lines, or add the marker sys_platform == 'win32' or 'darwin'.",
        )
    if names := dict.fromkeys((*secrets, *re.findall(r"\$\{(\w+)\}", index))):
        shown = " ".join(f"--secret id={name},env={name}" for name in names)
        notes += (f"{value.file}: packages come from a private index. Build with {shown}",)
    if any(package.vcs for package in packages.values()):
        notes += tuple(_notes_on_ssh(value.files, root))
    if servers:
        file, _, _ = servers[0].source.rpartition(":")
        notes += (f"{file} has the server ({', '.join(value.servers)}), {value.file} has none.",)
    fact = replace(found.fact, value=value)
    return replace(found, fact=fact, packages=packages, notes=notes)


def _notes_on_ssh(names: Sequence[str], root: Path) -> Iterator[str]:
    """Yield a note for the first line in *names* with a repository over SSH."""
    for name in names:
        if not name.endswith(TEXTS) or not (
            found := SSH.search(files.read_text(root / name, root))
        ):
            continue
        line = found.string.count("\n", 0, found.end()) + 1
        yield (
            f"{name}:{line} has a repository over SSH, and the build has no key for it. Write "
            "https:// in its place; for a private one git+https://${GIT_TOKEN}@HOST/… in a "
            "requirements file, and build with --secret id=GIT_TOKEN,env=GIT_TOKEN"
        )
        return


def _find(root: Path, manage: Path, python: str, options: DependencyOptions) -> Installed:
    """Return what `find_dependencies` does, without what is read from private indexes."""
    if options.requirements:
        return _from_named_requirements(root, python, options.requirements)
    between = [place for place in (manage, *manage.parents) if place.is_relative_to(root)]
    fallback = None
    for directory in dict.fromkeys((root, *between, *_subdirectories(root))):
        is_usual = directory == root or directory in between
        for found in _installations(directory, root, manage, python, options):
            if "django" in found.packages:
                return found
            if is_usual:
                fallback = fallback or found
    return fallback or Installed(None, {})


def _subdirectories(root: Path) -> list[Path]:
    """Return the directories in *root* that may have the requirements of another one."""
    names = (name for name in files.names(root) if not words(name) & (NOT_SEARCHED | DEVELOPMENT))
    return [root / name for name in names if name[0] != "." and files.is_directory(root / name)]


def _installations(
    directory: Path, root: Path, manage: Path, python: str, options: DependencyOptions
) -> Iterator[Installed]:
    """Yield the ways to install what *directory* has files for, by precedence."""
    listed, error = None, None
    try:
        paths = requirements_files.choose(directory, root, python, options.drivers)
        listed = _from_requirements(paths, root, python) if paths else None
        for path in paths:  # -e .[web]
            extras = requirements.read(path, root, python).local.get(directory, frozenset())
            options = replace(options, required_extras=options.required_extras | extras)
    except ConfigInvalid as invalid:
        error = invalid
    for name in LOCK_FILES:
        if files.is_file(directory / name):
            yield _from_lock_file(directory / name, root, manage, python, options)
    path = directory / "pyproject.toml"
    project = pyproject.read(path, root, python)
    if project is not None:
        by_poetry = project.with_poetry()
        selection = by_poetry.select(options)
        chosen = by_poetry.selected(selection)
        is_poetry = project.poetry and not project.packages
        if is_poetry or chosen != project.selected(selection):
            packages = requirements.join(pyproject.located((*project.direct, *chosen), path, root))
            if not (listed and _replaces(listed, packages, root, python)):
                note = f"{files.relative(path, root)} has no poetry.lock. Run: poetry lock"
                yield _installed(
                    "poetry", root, packages, [path], project.local, "", selection, notes=(note,)
                )
        else:
            selection = project.select(options)
            applying = (
                item
                for item in project.selected(selection)
                if requirements.marker_applies(item.marker, python)
            )
            packages = requirements.join(
                [*project.packages.values(), *pyproject.located(applying, path, root)]
            )
            if packages and not (listed and _replaces(listed, packages, root, python)):
                found = _installed(
                    "pyproject", root, packages, [path], project.local, selection=selection
                )
                yield found if project.packages or selection.extras else _groups_only(found)
    path = directory / "Pipfile"
    if files.is_file(path):
        note = f"{files.relative(path, root)} has no Pipfile.lock. Run: pipenv lock"
        packages, selection = locks.pipfile(path, root, options)
        yield _installed("pipenv", root, packages, [path], selection=selection, notes=(note,))
    if error:
        raise error
    if listed:
        yield listed
    exports = [path for path in requirements_files.find(directory) if conda.is_export(path)]
    for path in (*(directory / name for name in conda.FILES), *exports):
        if files.is_file(path):
            yield _from_conda(path, root, python)
    yield from _from_setup(directory, root, python, options)


def _groups_only(found: Installed) -> Installed:
    """Return *found* for a pyproject.toml that may have no ``[project]``."""
    assert found.fact is not None
    return replace(
        found, fact=replace(found.fact, value=replace(found.fact.value, groups_only=True))
    )


def _replaces(listed: Installed, packages: Packages, root: Path, python: str) -> bool:
    """Return whether the requirements *listed* have all of *packages*, locked or with a server."""
    if listed.fact is None or not packages.keys() <= listed.packages.keys():
        return False
    has_server = [not held.keys().isdisjoint(SERVERS) for held in (listed.packages, packages)]
    path = root / listed.fact.value.file
    return has_server == [True, False] or requirements.is_lock(path, root, python)


def _from_lock_file(
    path: Path, root: Path, manage: Path, python: str, options: DependencyOptions
) -> Installed:
    manager, others = LOCK_FILES[path.name]
    match manager:
        case "uv":
            lock = locks.uv(path, root, python, manage, options)
        case "poetry":
            lock = locks.poetry(path, root, python, options)
        case "pdm":
            lock = locks.pdm(path, root, python, options)
        case _:
            lock = locks.pipenv(path, root, python, options)
    beside = [other for item in others if files.is_file(other := path.parent / item)]
    read = [path, *beside, *lock.files]
    return _installed(
        manager, root, lock.packages, read, lock.directories, lock.member, lock.selection
    )


def _from_named_requirements(root: Path, python: str, names: Sequence[str]) -> Installed:
    """Return the installation of the requirements files that the user named."""
    paths = [files.resolved(root / name) for name in names]
    for name, path in zip(names, paths, strict=True):
        if not files.is_file(path) or not path.is_relative_to(root):
            problem = f"The requirements file {name} was not found in {root}."
            raise ConfigInvalid(
                problem, "Correct --requirement, or requirements in [tool.buildstatic]."
            )
    return _from_requirements(paths, root, python)


def _from_requirements(paths: Sequence[Path], root: Path, python: str) -> Installed:
    found = Requirements(root, python)
    for path in paths:
        requirements.read_into(path, found)
    additional = tuple(files.relative(path, root) for path in paths[1:])
    packages = requirements_files.packages(found)
    installed = _installed("pip", root, packages, found.files, found.local, additional=additional)
    left_out, by_name = dict.fromkeys(found.left_out), dict.fromkeys(found.by_name)
    if installed.fact is None:
        return installed
    notes = [
        f"{path} is not in the project, so installing the packages fails unless the image has it. "
        "Copy it into the project, or write name==version instead."
        for path in dict.fromkeys(found.absolute)
    ]
    if left_out:
        notes.append(
            f"{installed.fact.value.file}: {', '.join(left_out)} cannot be installed in the image, "
            "which does without. Remove such lines from the file."
        )
    if by_name:
        notes.append(
            f"{installed.fact.value.file}: the files of {', '.join(by_name)} are on another "
            "machine, so the image gets the newest versions. Write name==version instead."
        )
    value = replace(
        installed.fact.value,
        left_out=tuple(left_out),
        by_name=tuple(by_name),
        secrets=tuple(found.secrets),
        index=found.index,
        trusted_hosts=tuple(found.trusted_hosts),
    )
    return replace(
        installed, fact=replace(installed.fact, value=value), notes=(*installed.notes, *notes)
    )


def _from_conda(path: Path, root: Path, python: str) -> Installed:
    found, arguments = conda.read(path, root, python)
    installed = _installed(
        "conda", root, requirements_files.packages(found), [path, *found.files], found.local
    )
    assert installed.fact is not None
    value = installed.fact.value
    note = f"{value.file}: pip installs its packages from PyPI, not from conda's channels."
    if left_out := list(dict.fromkeys(found.left_out)):
        shown = ", ".join(left_out[:8])
        more = f" and {len(left_out) - 8} more" if len(left_out) > 8 else ""
        note += (
            f" Left out, as pip cannot install them: {shown}{more}. If the site needs one, add its"
            " Debian package to build-packages or run-packages in [tool.buildstatic]."
        )
    value = replace(
        value,
        files=value.files[1:],
        arguments=arguments,
        secrets=tuple(found.secrets),
        index=found.index,
        trusted_hosts=tuple(found.trusted_hosts),
    )
    return Installed(replace(installed.fact, value=value), installed.packages, (note,))


def _from_setup(
    directory: Path, root: Path, python: str, options: DependencyOptions
) -> Iterator[Installed]:
    """Yield the installation of the package in *directory* that setup.py or setup.cfg describe."""
    metadata = setuptools.read(directory, root, python)
    if metadata is None:
        return
    selection = select(metadata.dependencies, {}, metadata.extras, replace(options, groups=()))
    packages = metadata.with_extras(selection.extras)
    yield _installed("pip", root, packages, metadata.files, [directory], selection=selection)


def _installed(
    manager: str,
    root: Path,
    packages: Packages,
    read: Iterable[Path],
    local: Iterable[Path] = (),
    member: str = "",
    selection: Selection = NO_SELECTION,
    additional: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Installed:
    """Return an installation by the first of the files *read*, which uses directories *local*."""
    names = tuple(dict.fromkeys(files.relative(item, root) for item in read))
    places = tuple(dict.fromkeys(files.relative(item, root) for item in local))
    value = Dependencies(
        manager, names[0], names, places, member, selection.groups, selection.extras, additional
    )
    return Installed(Fact(value, f"{value.file}:1"), packages, notes, selection)
