"""The front ends of a project: each package.json that is built, or whose packages are collected."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from buildstatic.errors import ConfigInvalid
from buildstatic.manage_py.find import subdirectories
from buildstatic.project import BuildScript, Fact, Frontend, files
from buildstatic.project.config import FILE, TABLE, FrontendConfig, ProjectConfig
from buildstatic.project.files import Search
from buildstatic.project.frontend.package_json import (
    LOCKS,
    NAME,
    Package,
    read_frontend,
    read_package,
    workspaces,
)
from buildstatic.project.frontend.scripts import LIFECYCLE, build_scripts, expanded
from buildstatic.project.settings import Settings
from buildstatic.project.static_files import (
    app_directory,
    directory,
    named_paths,
    static_directories,
)

MAX_DEPTH = 4
# Directories whose packages are not a part of the site.
SKIPPED = frozenset(
    {
        *("docs", "doc", "documentation", "tests", "test", "e2e", "cypress", "fixtures"),
        *(
            "examples",
            "example",
            "storybook",
            "styleguide",
            "mobile",
            "electron",
            "terraform",
            "templates",
        ),
        *("staticfiles", "locale", "migrations"),
    }
)
# A path that leads out of a directory: "../static", path.join(__dirname, "..", "static").
UPWARD = r"(?:\.\./)+[\w@./-]*|[\"'`]\.\.[\"'`](?:\s*,\s*[\"'`][\w@./-]+[\"'`])*"
CONFIG_SUFFIXES = (".js", ".cjs", ".mjs", ".ts", ".mts", ".json")
MAX_CONFIG_SIZE = 100_000


@dataclass(frozen=True)
class Frontends:
    """The front ends *found*, and the directories of build scripts that are not run.

    *notes* say what could not be told, each with the option that settles it; *invalid* are the
    errors of front ends that cannot be read.
    """

    found: tuple[Fact[Frontend], ...] = ()
    unbuilt: tuple[Fact[str], ...] = ()
    notes: tuple[str, ...] = ()
    invalid: tuple[ConfigInvalid, ...] = ()


@dataclass(frozen=True)
class _Choice:
    """A package.json that is installed, the workspaces with it, and the scripts that are run."""

    package: Package
    members: tuple[Package, ...]
    builds: tuple[BuildScript, ...]
    modules: str
    is_nested: bool = False
    needs_sources: bool | None = None

    def text(self) -> str:
        """Return the text of all scripts that are run, also while installing."""
        by_place = {package.place: package for package in (self.package, *self.members)}
        scripts = [(by_place[build.directory], build.name) for build in self.builds]
        scripts += [(package, name) for package in by_place.values() for name in LIFECYCLE]
        return "\n".join(expanded(name, package.scripts) for package, name in scripts)

    def runs(self, other: _Choice) -> bool:
        """Return whether the scripts install and build *other*, which is in a directory below."""
        if self is other or not other.package.directory.is_relative_to(self.package.directory):
            return False
        place = files.relative(other.package.directory, self.package.directory)
        into = rf"(?:\bcd|--prefix|--cwd|--dir|-C)[\s=]+[\"']?(?:\./)?{re.escape(place)}/?(?![\w-])"
        text = self.text()
        return bool(re.search(into, text) and re.search(r"\b(?:install|ci|i)\b|\byarn\b", text))

    def fact(self) -> Fact[Frontend]:
        """Return the front end, and the place of its first build script or its dependencies."""
        found = read_frontend(self.package, self.members, self.builds, self.modules)
        if self.needs_sources is not None:
            found = replace(found, needs_sources="it is configured" if self.needs_sources else "")
        found = replace(found, is_nested=self.is_nested or bool(self.members))
        source = self.package.source(r'"(?:dev)?[dD]ependencies"\s*:')
        if self.builds:
            packages = {package.place: package for package in (self.package, *self.members)}
            build = self.builds[0]
            source = packages[build.directory].script_source(build.name)
        return Fact(found, source)


def find(
    settings: Settings, search: Search, modules: Sequence[Fact[str]], configuration: ProjectConfig
) -> Frontends:
    """Return the front ends of the project with *settings*.

    A package.json with a build script is one if it is in the root, beside manage.py or in an
    installed app, if the settings name a path in its directory, or if its configuration names a
    path outside of it. One with dependencies is one if *modules*, the ``node_modules`` that are
    collected, are its own. The tables of *configuration* replace all that.
    """
    if configuration.frontend is not None:
        return _configured(configuration.frontend, search, modules, configuration)
    chosen: list[_Choice] = []
    unbuilt: list[Fact[str]] = []
    notes: list[str] = []
    invalid: list[ConfigInvalid] = []
    members_seen: set[Path] = set()
    connections = _Connections(settings, search)
    for place in _package_directories(search, connections):
        if place in members_seen:
            continue
        try:
            package = read_package(place, search.root)
            members, outside = workspaces(package)
        except ConfigInvalid as error:
            if connections.has(place):
                invalid.append(error)
            else:
                notes.append(f"Front-end: {error.problem} The package is left out.")
            continue
        members_seen |= {member.directory for member in members}
        collected = _collected_modules(package, members, modules, search)
        builds, others = _builds(package, members, connections)
        if builds or collected:
            chosen.append(_Choice(package, members, builds, collected))
            notes += outside
            if others:
                notes.append(_choice_note(package, builds, others))
        elif names := [*build_scripts(package.scripts)[0], *others]:
            unbuilt.append(Fact(package.place, package.script_source(names[0])))
    chosen = [
        replace(one, is_nested=any(one.runs(other) for other in chosen))
        for one in chosen
        if not any(other.runs(one) for other in chosen)
    ]
    if not chosen and not invalid:
        notes += [
            f"Front-end: {each.source} is a build script that is not run, because no path in "
            f"{each.value} was found in the settings. If the site needs its output, add "
            f'[[{TABLE}.frontend]] with directory = "{each.value}" to {FILE}.'
            for each in unbuilt
        ]
    found = tuple(one.fact() for one in chosen)
    return Frontends(found, tuple(unbuilt), tuple(notes), tuple(invalid))


def _configured(
    tables: Sequence[FrontendConfig],
    search: Search,
    modules: Sequence[Fact[str]],
    config: ProjectConfig,
) -> Frontends:
    chosen: list[_Choice] = []
    notes: list[str] = []
    invalid: list[ConfigInvalid] = []
    for table in tables:
        place = files.resolved(search.root / table.directory)
        if not place.is_relative_to(search.root) or not files.is_file(place / NAME):
            raise ConfigInvalid(
                f"{config.source('frontend')}: there is no {NAME} in {table.directory}.",
                f"Write a directory with a {NAME}, relative to the project's root.",
            )
        try:
            package = read_package(place, search.root)
            members, outside = workspaces(package)
        except ConfigInvalid as error:
            advice = f"[[{TABLE}.frontend]] in {config.source('frontend')} names it."
            invalid.append(ConfigInvalid(error.problem, f"{error.advice} {advice}".lstrip()))
            continue
        names = build_scripts(package.scripts)[0] if table.scripts is None else table.scripts
        for name in names:
            if name not in package.scripts:
                known = ", ".join(package.scripts) or "none"
                raise ConfigInvalid(
                    f"{config.source('frontend')}: {package.file} has no script {name}.",
                    f"Its scripts: {known}.",
                )
        builds = tuple(BuildScript(name, package.place) for name in names)
        collected = _collected_modules(package, members, modules, search)
        chosen.append(
            _Choice(package, members, builds, collected, needs_sources=table.install_needs_sources)
        )
        notes += outside
    found = tuple(one.fact() for one in chosen)
    return Frontends(found, notes=tuple(notes), invalid=tuple(invalid))


class _Connections:
    """The places by which the settings connect a package.json with the site."""

    def __init__(self, settings: Settings, search: Search) -> None:
        self.search = search
        apps = (app_directory(item, search) for item in settings.listed("INSTALLED_APPS"))
        tailwind = settings.text("TAILWIND_APP_NAME")
        theme = app_directory(tailwind.data, search) if tailwind else None
        self.apps = {search.root / app for app in (*apps, theme) if app and app != "."}
        self.named = {search.root / path for path in named_paths(settings, search)}
        self.static = {search.root / path for path in static_directories(settings, search)}
        outputs = (directory(settings.get(n), search) for n in ("STATIC_ROOT", "MEDIA_ROOT"))
        self.outputs = {search.root / fact.value for fact in outputs if fact}

    def has(self, place: Path) -> bool:
        """Return whether the settings, or its own position, connect *place*."""
        return (
            place in (self.search.root, self.search.manage)
            or any(place.is_relative_to(app) for app in self.apps)
            or any(path.is_relative_to(place) for path in self.named - self.outputs)
        )

    def has_output(self, place: Path) -> bool:
        """Return whether a build that writes to *place* writes files of the site."""
        if not place.is_relative_to(self.search.root) or place == self.search.root:
            return False
        inside = (self.search.manage, *self.apps, *self.named)
        return bool(
            {"static", "templates"} & set(place.parts[len(self.search.root.parts) :])
        ) or any(place.is_relative_to(path) for path in inside if path != self.search.root)


def _package_directories(search: Search, connections: _Connections) -> Iterator[Path]:
    """Yield the directories with a package.json of the project's own, the closest first."""
    level = [search.root, search.manage]
    for _ in range(MAX_DEPTH + 1):
        for place in dict.fromkeys(level):
            above = place.relative_to(search.root).parts[:-1]
            is_vendored = "static" in above or any(
                place != path and place.is_relative_to(path) for path in connections.static
            )
            # A library that was copied into the static files has no lock file.
            has_lock = not is_vendored or any(files.is_file(place / name) for name in LOCKS)
            if has_lock and files.is_file(place / NAME):
                yield place
        below = (inner for place in dict.fromkeys(level) for inner in subdirectories(place))
        level = [
            place
            for place in below
            if place.name.lower() not in SKIPPED
            and place not in connections.outputs
            and place != search.manage
        ]


def _builds(
    package: Package, members: Sequence[Package], connections: _Connections
) -> tuple[tuple[BuildScript, ...], tuple[str, ...]]:
    """Return the scripts to run, and other candidates of the same package.json.

    Without a build script of its own these are those of the connected workspaces and of the
    workspaces that they depend on.
    """
    names, others = build_scripts(package.scripts)
    if names:
        # Beside manage.py a monorepo's root builds the site, above it perhaps something else.
        search = connections.search
        is_above = bool(members) and package.directory == search.root != search.manage
        built = (each for each in members if build_scripts(each.scripts)[0])
        candidates = (*(() if is_above else (package,)), *built)
        is_connected = any(_is_connected(each, connections) for each in candidates)
        builds = tuple(BuildScript(name, package.place) for name in names)
        return (builds, others) if is_connected else ((), ())
    by_name = {str(member.data.get("name")): member for member in members}
    ordered: dict[str, Package] = {}

    def add(member: Package, above: frozenset[str] = frozenset()) -> None:
        if member.place in above:
            return
        for name in member.dependencies():
            if name in by_name:
                add(by_name[name], above | {member.place})
        ordered.setdefault(member.place, member)

    for member in members:
        if _is_connected(member, connections) and build_scripts(member.scripts)[0]:
            add(member)
    scripts = (
        (name, place) for place, m in ordered.items() for name in build_scripts(m.scripts)[0]
    )
    return tuple(BuildScript(name, place) for name, place in scripts), ()


def _is_connected(package: Package, connections: _Connections) -> bool:
    """Return whether the site uses what *package* builds, by its place or by its configuration."""
    if connections.has(package.directory):
        return True
    for path in sorted(package.directory.iterdir()):
        if path.suffix not in CONFIG_SUFFIXES or path.name in LOCKS or not files.is_file(path):
            continue
        content = files.read_bytes(path, package.root)[:MAX_CONFIG_SIZE]
        for found in re.findall(UPWARD, content.decode("utf-8", errors="replace")):
            target = re.sub(r"[\"'`]\s*,\s*[\"'`]", "/", found).strip("\"'`")
            if connections.has_output(Path(os.path.normpath(package.directory / target))):
                return True
    return False


def _collected_modules(
    package: Package, members: Sequence[Package], modules: Sequence[Fact[str]], search: Search
) -> str:
    """Return the path at which the ``node_modules`` of *package* are collected, else ``""``.

    That is beside it or beside a workspace; or where no package.json is, for a package that
    django-node-assets installs elsewhere.
    """
    if not package.dependencies() and not members:
        return ""
    own = {member.directory for member in (package, *members)}
    for fact in modules:
        parent = (search.root / fact.value).parent
        if parent in own:
            return fact.value
    return ""


def _choice_note(package: Package, builds: Sequence[BuildScript], others: Sequence[str]) -> str:
    run = " and ".join(build.name for build in builds)
    scripts = ", ".join(f'"{build.name}"' for build in builds)
    return (
        f"Front-end: of the scripts in {package.file} the image runs {run}, not "
        f"{' and '.join(others)}. To choose, add [[{TABLE}.frontend]] with directory = "
        f'"{package.place}" and scripts = [{scripts}] to {FILE}.'
    )
