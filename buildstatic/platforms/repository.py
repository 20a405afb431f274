"""The repository that the project was cloned from, read from git's own files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_SECTION = re.compile(r'^\s*\[\s*(\w+)(?:\s+"(.*)")?\s*\]')
_URL = re.compile(r"^\s*url\s*=\s*(\S+)")
_GITHUB = re.compile(
    r"(?:\w+://)?(?:[^@/\s]*@)?(?:ssh\.|www\.)?github\.com(?::\d+/|[:/])"
    r"(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?"
)


@dataclass(frozen=True)
class Repository:
    """A repository on GitHub, and the branch that a clone of it stands on."""

    owner: str
    name: str
    branch: str


def repository(root: Path) -> Repository | None:
    """Return the GitHub repository that *root* is a clone of, None where that is not known.

    Only *root* itself is looked at: a repository further up holds other things as well.
    """
    config = _config(root)
    sections = tuple(_sections(config.read_text(errors="replace"))) if config else ()
    urls = (url for name, line in sections if name == "remote origin" for url in _URL.findall(line))
    match = _GITHUB.fullmatch(next(urls, ""))
    if match is None:
        return None
    branches = {name.removeprefix("branch ") for name, _ in sections if name.startswith("branch ")}
    branch = "master" if "master" in branches and "main" not in branches else "main"
    return Repository(match["owner"], match["name"], branch)


def _config(root: Path) -> Path | None:
    """Return git's config file, also that of a worktree (git-scm.com/docs/gitrepository-layout)."""
    git = root / ".git"
    if git.is_file():
        git = root / git.read_text(errors="replace").removeprefix("gitdir:").strip()
        common = git / "commondir"
        git = git / common.read_text(errors="replace").strip() if common.is_file() else git
    config = git / "config"
    return config if config.is_file() else None


def _sections(text: str) -> list[tuple[str, str]]:
    """Return each line of a git config with the section that it stands in."""
    section, lines = "", []
    for line in text.splitlines():
        if heading := _SECTION.match(line):
            section = " ".join(part for part in heading.groups() if part)
        lines.append((section, line))
    return lines


def repository_of(root: Path) -> Repository | None:
    """Return the GitHub repository that *root* is in, be it a part of it."""
    top = _top(root)
    return repository(top) if top else None


def place(root: Path) -> str | None:
    """Return where *root* is in its repository, in POSIX form; None at its top, or outside of one.

    A repository that is part of another one, a submodule, is one of its own.
    """
    top = _top(root)
    place = root.resolve().relative_to(top).as_posix() if top else "."
    return None if place == "." else place


def _top(root: Path) -> Path | None:
    root = root.resolve()
    return next((place for place in (root, *root.parents) if (place / ".git").exists()), None)
