"""The front end: a package.json with a build script or packages to collect, its package manager.

The major version of Node chooses the image that builds it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from buildstatic.manage_py import subdirectories
from buildstatic.project import Fact, Frontend, files

LOCKS = {
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
}
# What package managers read beside package.json and the lock file when they install.
CONFIG_FILES = (
    ".npmrc",
    "pnpm-workspace.yaml",
    ".pnpmfile.cjs",
    ".yarnrc",
    ".yarnrc.yml",
    "bunfig.toml",
)
DIRECTORIES = ("patches", ".yarn/releases", ".yarn/plugins", ".yarn/patches")
SECRET = r"^(?!\s*[#;]).*?(?:_authToken|_password|\b_auth|npmAuthToken|npmAuthIdent)[\"']?\s*[=:]"
DEFAULT_NODE = 22
NODE_MAJORS = range(10, 60)
# github.com/nodejs/Release/blob/main/CODENAMES.md
NODE_CODENAMES = {"hydrogen": 18, "iron": 20, "jod": 22, "krypton": 24}
NODE_VERSION = r"v?(\d{1,3})((?:\.(?:\d+|[xX*])){0,2})"


def find(root: Path, manage: Path, *, modules: bool = False) -> Fact[Frontend] | None:
    """Return the front end in *root*, *manage* (manage.py's directory) or one level below.

    It is the first package.json with a build script. With *modules* (installed packages are
    collected) one with dependencies counts too.
    """
    below = [*subdirectories(root), *subdirectories(manage)]
    for directory in dict.fromkeys((root, manage, *below)):
        path = directory / "package.json"
        found = _read(path, root, modules) if files.is_file(path) else None
        if found:
            return found
    return None


def _read(path: Path, root: Path, modules: bool) -> Fact[Frontend] | None:
    data, text = files.read_json(path, root)
    scripts = data.get("scripts")
    build = isinstance(scripts, dict) and isinstance(scripts.get("build"), str)
    if not build and not (modules and "dependencies" in data):
        return None
    directory = path.parent
    package_manager = data.get("packageManager")
    pinned = package_manager if isinstance(package_manager, str) else ""
    locks = {name: who for name, who in LOCKS.items() if files.is_file(directory / name)}
    named = pinned.partition("@")[0]
    manager = named if named in LOCKS.values() else next(iter(locks.values()), "npm")
    lock = next((name for name, who in locks.items() if who == manager), None)
    configuration, secret = _configuration(directory, root)
    line = files.line_of(text, r'"scripts"[\s\S]*?"build"\s*:' if build else r'"dependencies"\s*:')
    found = Frontend(
        manager=manager,
        directory=files.relative(directory, root),
        lock=files.relative(directory / lock, root) if lock else None,
        build=build,
        modules=modules,
        node=_node_version(directory, root, data),
        files=configuration,
        directories=tuple(n for n in DIRECTORIES if files.is_directory(directory / n)),
        secret=secret,
        yarn=_yarn(directory, root, pinned) if manager == "yarn" else "classic",
    )
    return Fact(found, f"{files.relative(path, root)}:{line}")


def _configuration(directory: Path, root: Path) -> tuple[tuple[str, ...], str]:
    """Return the configuration files without a password, and the place of one in another file."""
    names, place = [], ""
    for name in CONFIG_FILES:
        path = directory / name
        if not files.is_file(path):
            continue
        text = files.read_text(path, root)
        if not re.search(SECRET, text, re.MULTILINE):
            names.append(name)
        elif not place:
            place = f"{files.relative(path, root)}:{files.line_of(text, SECRET)}"
    return tuple(names), place


def _yarn(directory: Path, root: Path, pinned: str) -> Literal["classic", "berry", "pnp"]:
    path = directory / ".yarnrc.yml"
    text = files.read_text(path, root) if files.is_file(path) else ""
    version = re.match(r"yarn@\D*(\d{1,4})", pinned)
    if not (int(version[1]) >= 2 if version else files.is_file(path)):
        return "classic"
    linker = re.search(r"^nodeLinker\s*:\s*[\"']?(node-modules|pnpm)\b", text, re.MULTILINE)
    return "berry" if linker else "pnp"


def _node_version(directory: Path, root: Path, package: Mapping[str, object]) -> int:
    """Return the major version of Node for *package*, the package.json in *directory*.

    A version in .nvmrc or .node-version (beside it, else in *root*) or of Volta takes precedence
    over the range in ``engines``. Of a range it is 22 if that is allowed, else the nearest.
    """
    named = []
    for place in dict.fromkeys((directory, root)):
        for name in (".nvmrc", ".node-version"):
            if files.is_file(place / name):
                lines = files.read_text(place / name, root).splitlines()
                named.append(next((ln for ln in map(str.strip, lines) if ln[:1] not in "#"), ""))
    named.append(_node_entry(package, "volta"))
    for text in named:
        # v20.11, 20 or lts/iron; not lts/* or node.
        version = text.strip().lower()
        exact = re.match(rf"(?:node[-@])?{NODE_VERSION}\b", version)
        major = int(exact[1]) if exact else NODE_CODENAMES.get(version.removeprefix("lts/"))
        if major is not None and major in NODE_MAJORS:
            return major
    engines = _node_entry(package, "engines").split("||")
    allowed = [major for major in NODE_MAJORS if any(_matches(one, major) for one in engines)]
    if DEFAULT_NODE in allowed or not allowed:
        return DEFAULT_NODE
    # Odd versions are supported for half a year only.
    stable = [major for major in allowed if major % 2 == 0] or allowed
    return min(stable, key=lambda major: (abs(major - DEFAULT_NODE), major))


def _node_entry(package: Mapping[str, object], table: str) -> str:
    found = package.get(table)
    version = found.get("node") if isinstance(found, dict) else None
    return version if isinstance(version, str) else ""


def _matches(comparators: str, major: int) -> bool:
    """Return whether a version of *major* matches the range (github.com/npm/node-semver)."""
    between = re.fullmatch(rf"\s*{NODE_VERSION}\s+-\s+{NODE_VERSION}\s*", comparators)
    if between:
        return int(between[1]) <= major <= int(between[3])
    for sign, digits, rest in re.findall(rf"([<>=^~]*)\s*{NODE_VERSION}", comparators):
        number, is_whole = int(digits), not re.search(r"[1-9]", rest)
        match sign:
            case ">=":
                holds = major >= number
            case ">":
                holds = major > number or (major == number and bool(re.search(r"\.\d", rest)))
            case "<=":
                holds = major <= number
            case "<":
                holds = major < number or (major == number and not is_whole)
            case _:
                holds = major == number
        if not holds:
            return False
    return True
