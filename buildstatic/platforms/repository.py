"""The git repository of the project, read from git's own files."""

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
    """A repository on GitHub and the default branch of its clone."""

    owner: str
    name: str
    branch: str


def github_repository(root: Path) -> Repository | None:
    """Return the GitHub repository that *root* is a clone of, or None.

    Parent directories are not searched: a repository above *root* contains other projects too.
    """
    git = root / ".git"
    if git.is_file():  # a worktree (git-scm.com/docs/gitrepository-layout)
        git = root / git.read_text(errors="replace").removeprefix("gitdir:").strip()
        common = git / "commondir"
        git = git / common.read_text(errors="replace").strip() if common.is_file() else git
    config = git / "config"
    if not config.is_file():
        return None
    section, url, branches = "", "", set()
    for line in config.read_text(errors="replace").splitlines():
        if heading := _SECTION.match(line):
            section = " ".join(part for part in heading.groups() if part)
            branches.add(section)
        elif section == "remote origin" and not url and (value := _URL.match(line)):
            url = value[1]
    match = _GITHUB.fullmatch(url)
    if match is None:
        return None
    is_master = "branch master" in branches and "branch main" not in branches
    return Repository(match["owner"], match["name"], "master" if is_master else "main")


def enclosing_github_repository(root: Path) -> Repository | None:
    """Return the GitHub repository that contains *root*, or None."""
    top = _top(root)
    return github_repository(top) if top else None


def path_in_repository(root: Path) -> str | None:
    """Return the POSIX path of *root* in its repository; None at its top or without one.

    A submodule is a repository of its own.
    """
    top = _top(root)
    path = root.resolve().relative_to(top).as_posix() if top else "."
    return None if path == "." else path


def _top(root: Path) -> Path | None:
    root = root.resolve()
    return next((path for path in (root, *root.parents) if (path / ".git").exists()), None)
