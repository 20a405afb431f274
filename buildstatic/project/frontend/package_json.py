"""What an installation of a package.json reads: manager, lock file, workspaces, configuration."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from buildstatic.project import BuildScript, Frontend, files
from buildstatic.project.frontend import scripts
from buildstatic.project.frontend.node_version import node_version

NAME = "package.json"
LOCKS = {
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
}
PNPM_WORKSPACE = "pnpm-workspace.yaml"
# What package managers read beside package.json and the lock file when they install.
CONFIG_FILES = (
    ".npmrc",
    PNPM_WORKSPACE,
    ".pnpmfile.cjs",
    ".yarnrc",
    ".yarnrc.yml",
    "bunfig.toml",
)
# vite.dev/guide/env-and-mode, create-react-app.dev/docs/adding-custom-environment-variables,
# cli.vuejs.org/guide/mode-and-env: variables with these prefixes are put into the output.
ENVIRONMENT_FILES = (".env", ".env.production")
PUBLIC = "VITE_|REACT_APP_|VUE_APP_|NEXT_PUBLIC_|NUXT_PUBLIC_|GATSBY_|PUBLIC_"
# Those that refer to environment variables, and variables that every shell has.
WITH_VARIABLES = (".npmrc", ".yarnrc.yml")
SHELL = ("HOME", "PWD", "USER")
DIRECTORIES = ("patches", ".yarn/releases", ".yarn/plugins", ".yarn/patches")
SECRET = (
    r"^(?!\s*[#;]).*?(?:_authToken|_password|\b_auth|npmAuthToken|npmAuthIdent)[\"']?\s*[=:]"
    r"(?!\s*[\"']?\$\{)"
)
VARIABLE = r"^(?!\s*[#;]).*?\$\{([A-Za-z_][A-Za-z0-9_]*)\}"
# docs.npmjs.com/cli/configuring-npm/package-json, "Git URLs as Dependencies" and "GitHub URLs".
GIT = r"(?:git[+:@]|(?:github|gitlab|bitbucket|gist):|https?://\S+\.git(?:#|$)|[\w.-]+/[\w.-]+(?:#|$))"
LOCKED_GIT = r"\bgit\+(?:ssh|https?|file)://|\bgit@|codeload\.github\.com|\btype: git\b"
PATH = r"(?:file:|link:|portal:|\.{1,2}/|/|~/)"
DEPENDENCIES = ("dependencies", "devDependencies", "optionalDependencies")
# github.com/webpack/webpack/issues/14532: before these versions webpack hashes with MD4, which
# OpenSSL 3 refuses, and so Node 17 and newer.
OPENSSL_3 = {
    "webpack": 5,
    "react-scripts": 5,
    "@vue/cli-service": 5,
    "laravel-mix": 6,
    "@symfony/webpack-encore": 1,
}
# By the first number of lockfileVersion: the newest pnpm that installs it as it is.
PNPM_VERSIONS = {"5": "7", "6": "8", "9": "10"}


@dataclass(frozen=True)
class Package:
    """The package.json in *directory*: its content, its text, and its scripts."""

    directory: Path
    root: Path
    data: Mapping[str, object]
    text: str
    scripts: Mapping[str, str]

    @property
    def file(self) -> str:
        """The path of the package.json relative to the root."""
        return files.relative(self.directory / NAME, self.root)

    @property
    def place(self) -> str:
        """The directory relative to the root, ``.`` for the root itself."""
        return files.relative(self.directory, self.root)

    def source(self, pattern: str) -> str:
        """Return ``file:line`` of the end of the first match of *pattern* in the text."""
        return f"{self.file}:{files.line_of(self.text, pattern)}"

    def script_source(self, name: str) -> str:
        """Return ``file:line`` of the script *name*."""
        return self.source(rf'"scripts"[\s\S]*?"{re.escape(name)}"\s*:')

    def dependencies(self) -> dict[str, str]:
        """Return the version or location of each package that an installation installs."""
        tables = (self.data.get(name) for name in DEPENDENCIES)
        entries = (entry for table in tables if isinstance(table, dict) for entry in table.items())
        return {name: value for name, value in entries if isinstance(value, str)}


def read_package(directory: Path, root: Path) -> Package:
    """Return the package.json in *directory*, or raise `ConfigInvalid`."""
    data, text = files.read_json(directory / NAME, root)
    return Package(directory, root, data, text, scripts.texts(data))


def read_frontend(
    package: Package, members: tuple[Package, ...], build: tuple[BuildScript, ...], modules: str
) -> Frontend:
    """Return the front end that *package* installs, together with the workspaces *members*."""
    directory, root = package.directory, package.root
    package_manager = package.data.get("packageManager")
    pinned = package_manager if isinstance(package_manager, str) else ""
    locks = {name: who for name, who in LOCKS.items() if files.is_file(directory / name)}
    named = pinned.partition("@")[0]
    manager = named if named in LOCKS.values() else next(iter(locks.values()), "npm")
    lock = next((name for name, who in locks.items() if who == manager), None)
    lock_text = "" if lock in (None, "bun.lockb") else files.read_text(directory / str(lock), root)
    configuration, secret, variables = _configuration(directory, root)
    packages = (package, *members)
    values = [value for each in packages for value in each.dependencies().values()]
    needs_git = any(re.match(GIT, value) for value in values) or bool(
        re.search(LOCKED_GIT, lock_text)
    )
    node = node_version(directory, root, package.data)
    majors = [
        (name, int(found[0]))
        for each in packages
        for name, version in each.dependencies().items()
        if name in OPENSSL_3 and (found := re.search(r"\d+", version))
    ]
    yarn = _yarn(directory, root, pinned) if manager == "yarn" else "classic"
    versions = {"pnpm": _pnpm(lock_text), "yarn": "1" if yarn == "classic" else ""}
    return Frontend(
        manager=manager,
        directory=package.place,
        lock=files.relative(directory / lock, root) if lock else None,
        build=build,
        modules=modules,
        node=node,
        files=configuration,
        directories=tuple(n for n in DIRECTORIES if files.is_directory(directory / n)),
        workspaces=tuple(member.place for member in members),
        public_environment=tuple(_public_environment(directory, root)),
        needs_sources=next(filter(None, map(_source_of_sources, packages)), ""),
        needs_git=needs_git,
        needs_legacy_openssl=node >= 17 and any(major < OPENSSL_3[name] for name, major in majors),
        secret=secret,
        variables=variables,
        yarn=yarn,
        version="" if pinned else versions.get(manager, ""),
    )


def workspaces(package: Package) -> tuple[tuple[Package, ...], tuple[str, ...]]:
    """Return the packages of the workspaces of *package*, and notes about those left out."""
    table = package.data.get("workspaces")
    listed = table.get("packages") if isinstance(table, dict) else table
    source = package.source(r'"workspaces"\s*:')
    path = package.directory / PNPM_WORKSPACE
    if files.is_file(path):
        listed, source = _pnpm_packages(path, package.root)
    patterns = (
        [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
    )
    found: dict[Path, None] = {}
    outside: list[str] = []
    for pattern in (each for written in patterns for each in _expand_braces(written)):
        places = _matching(package.directory, pattern.removeprefix("!").split("/"))
        matches = [place for place in places if files.is_file(place / NAME)]
        if pattern.startswith("!"):
            found = {place: None for place in found if place not in matches}
            continue
        inside = [place for place in matches if _is_inside(place, package.root)]
        found |= dict.fromkeys(inside)
        if len(inside) < len(matches) or not _is_inside(
            _fixed(package.directory, pattern), package.root
        ):
            outside.append(pattern)
    notes = tuple(
        f"Front-end: {source} names the workspace {pattern}, which is outside of the project, so "
        "the build does not have it. Run buildstatic in the directory that contains both."
        for pattern in outside
    )
    members = (read_package(place, package.root) for place in found if place != package.directory)
    return tuple(members), notes


def _pnpm_packages(path: Path, root: Path) -> tuple[object, str]:
    """Return the patterns in a pnpm-workspace.yaml, and their source."""
    data, text = files.read_yaml(path, root)
    listed = data.get("packages") if isinstance(data, dict) else None
    return listed, f"{files.relative(path, root)}:{files.line_of(text, '^packages:')}"


def _expand_braces(pattern: str) -> Iterator[str]:
    """Yield ``a/b`` and ``a/c`` for ``a/{b,c}``."""
    if braces := re.search(r"\{([^{}]*,[^{}]*)\}", pattern):
        for part in braces[1].split(","):
            yield from _expand_braces(pattern[: braces.start()] + part + pattern[braces.end() :])
    else:
        yield pattern


def _fixed(directory: Path, pattern: str) -> Path:
    """Return the directory that all matches of *pattern* are in."""
    return Path(os.path.normpath(directory / re.split(r"[^/]*[*?\[]", pattern)[0]))


def _is_inside(path: Path, root: Path) -> bool:
    return files.resolved(path).is_relative_to(files.resolved(root))


def _matching(directory: Path, parts: list[str], depth: int = 8) -> Iterator[Path]:
    """Yield the directories that match a pattern of *parts*, as npm and pnpm expand it."""
    if not parts:
        yield directory
        return
    part, *rest = parts
    if part in ("", ".", ".."):
        yield from _matching(Path(os.path.normpath(directory / part)), rest, depth)
    elif not re.search(r"[*?\[]", part):
        yield from _matching(directory / part, rest, depth)
    elif depth:
        if part == "**":
            yield from _matching(directory, rest, depth)
        try:
            names = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
        except OSError:
            return
        for name in names:
            if not name.startswith(".") and name != "node_modules" and fnmatchcase(name, part):
                yield from _matching(directory / name, parts if part == "**" else rest, depth - 1)


def _source_of_sources(package: Package) -> str:
    """Return what makes the installation of *package* read the project's files, else ``""``."""
    if name := scripts.install_script_with_sources(package.scripts):
        return f"{package.script_source(name)} runs {name}"
    for name, value in package.dependencies().items():
        if re.match(PATH, value):
            place = package.source(rf'"{re.escape(name)}"\s*:\s*"{re.escape(value)}"')
            return f"{place} installs {name} from the project"
    return ""


def _configuration(directory: Path, root: Path) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """Return the configuration files to copy, the place of a password, and variables with one.

    A file with a password is not copied.
    """
    names, place = [], ""
    variables: list[str] = []
    for name in CONFIG_FILES:
        path = directory / name
        if not files.is_file(path):
            continue
        text = files.read_text(path, root)
        if not re.search(SECRET, text, re.MULTILINE):
            names.append(name)
            if name in WITH_VARIABLES:
                variables += re.findall(VARIABLE, text, re.MULTILINE)
        elif not place:
            place = f"{files.relative(path, root)}:{files.line_of(text, SECRET)}"
    return tuple(names), place, tuple(dict.fromkeys(v for v in variables if v not in SHELL))


def _public_environment(directory: Path, root: Path) -> Iterator[str]:
    """Yield the .env files in *directory* with only variables that bundlers put into the output."""
    for name in ENVIRONMENT_FILES:
        path = directory / name
        if files.is_file(path):
            text = files.read_text(path, root)
            names = re.findall(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", text, re.MULTILINE)
            if names and all(re.match(PUBLIC, variable) for variable in names):
                yield name


def _yarn(directory: Path, root: Path, pinned: str) -> Literal["classic", "berry", "pnp"]:
    path = directory / ".yarnrc.yml"
    text = files.read_text(path, root) if files.is_file(path) else ""
    version = re.match(r"yarn@\D*(\d{1,4})", pinned)
    if not (int(version[1]) >= 2 if version else files.is_file(path)):
        return "classic"
    linker = re.search(r"^nodeLinker\s*:\s*[\"']?(node-modules|pnpm)\b", text, re.MULTILINE)
    return "berry" if linker else "pnp"


def _pnpm(lock_text: str) -> str:
    """Return the major version of pnpm that installs a lock file as it is."""
    version = re.search(r"^lockfileVersion:\s*['\"]?(\d+)", lock_text, re.MULTILINE)
    return PNPM_VERSIONS.get(version[1], "") if version else ""
