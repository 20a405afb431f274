"""A front-end: a package.json whose build is run, or whose packages are collected, and by whom."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from buildstatic.manage_py import subdirectories
from buildstatic.project import files
from buildstatic.project.frontend import node
from buildstatic.project.model import Fact, Frontend

LOCKS = {
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
}
# What the managers read beside package.json and the lock file, as they install.
FILES = (
    ".npmrc",
    "pnpm-workspace.yaml",
    ".pnpmfile.cjs",
    ".yarnrc",
    ".yarnrc.yml",
    "bunfig.toml",
)
DIRECTORIES = ("patches", ".yarn/releases", ".yarn/plugins", ".yarn/patches")
SECRET = r"^(?!\s*[#;]).*?(?:_authToken|_password|\b_auth|npmAuthToken|npmAuthIdent)[\"']?\s*[=:]"


def find(root: Path, manage: Path, *, modules: bool = False) -> Fact[Frontend] | None:
    """Return the front-end in *root*, *manage* (manage.py's directory) or one level below.

    It is the first package.json with a build script; where *modules* says that installed packages
    are collected, one with dependencies will do.
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
    manager, lock = _manager(path.parent, data.get("packageManager"))
    directory = files.relative(path.parent, root)
    place = files.relative(lock, root) if lock else None
    line = files.line_of(text, r'"scripts"[\s\S]*?"build"\s*:' if build else r'"dependencies"\s*:')
    version = node.find(path.parent, root, data)
    configuration, secret = _configuration(path.parent, root)
    found = Frontend(
        manager,
        directory,
        place,
        build,
        modules,
        version,
        configuration,
        tuple(name for name in DIRECTORIES if files.is_directory(path.parent / name)),
        secret,
        _yarn(path.parent, root, data.get("packageManager")) if manager == "yarn" else "classic",
    )
    return Fact(found, f"{files.relative(path, root)}:{line}")


def _manager(directory: Path, asked: object) -> tuple[str, Path | None]:
    """Return the package manager, by ``packageManager`` or by the lock file, and the lock file."""
    locks = {name: who for name, who in LOCKS.items() if files.is_file(directory / name)}
    wanted = asked.partition("@")[0] if isinstance(asked, str) else ""
    manager = wanted if wanted in LOCKS.values() else next(iter(locks.values()), "npm")
    lock = next((name for name, who in locks.items() if who == manager), None)
    return manager, directory / lock if lock else None


def _configuration(directory: Path, root: Path) -> tuple[tuple[str, ...], str]:
    """Return the files without a password in them, and the place of a password in another."""
    there = {name: directory / name for name in FILES if files.is_file(directory / name)}
    texts = {name: files.read_text(path, root) for name, path in there.items()}
    secrets = [name for name, text in texts.items() if re.search(SECRET, text, re.MULTILINE)]
    places = [
        f"{files.relative(there[name], root)}:{files.line_of(texts[name], SECRET)}"
        for name in secrets
    ]
    return tuple(name for name in there if name not in secrets), next(iter(places), "")


def _yarn(directory: Path, root: Path, asked: object) -> Literal["classic", "berry", "pnp"]:
    path = directory / ".yarnrc.yml"
    text = files.read_text(path, root) if files.is_file(path) else ""
    version = re.match(r"yarn@\D*(\d{1,4})", asked) if isinstance(asked, str) else None
    if not (int(version[1]) >= 2 if version else files.is_file(path)):
        return "classic"
    linker = re.search(r"^nodeLinker\s*:\s*[\"']?(node-modules|pnpm)\b", text, re.MULTILINE)
    return "berry" if linker else "pnp"
