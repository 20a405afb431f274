"""What git knows about the project's files; None if git or a repository is missing."""

from __future__ import annotations

import os
import posixpath
import subprocess
from pathlib import Path

TIMEOUT = 30  # seconds
# What of a repository's own .git/config could run a program: a monitor of changed files, a hook, a
# promised object's download (git-scm.com/docs/git-config). Files of attributes and patterns are
# only read.
SAFE_CONFIG = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
SAFE_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}


def list_files(root: Path, *arguments: str) -> tuple[str, ...] | None:
    """Return the paths that ``git ls-files`` prints, relative to *root*; None if it fails."""
    output = _run(root, "ls-files", "-z", *arguments)
    return None if output is None else tuple(filter(None, output.split("\0")))


def list_content(root: Path, directory: str) -> tuple[str, ...] | None:
    """Return the files that git tracks in *directory*, except placeholders; None if it fails.

    Git tracks no empty directory, so that a .gitkeep or a .gitignore stands in it.
    """
    tracked = list_files(root, "--", directory)
    if tracked is None:
        return None
    return tuple(path for path in tracked if not posixpath.basename(path).startswith("."))


def ignoring_pattern(root: Path, path: str) -> tuple[str, int] | None:
    """Return the file and line of the pattern that ignores *path*; None if none does."""
    output = _run(root, "check-ignore", "-v", "-z", "--no-index", "--stdin", stdin=path)
    if not output:
        return None
    source, line, pattern, _ = output.split("\0", 3)
    return None if pattern.startswith("!") else (source, int(line))


def _run(root: Path, *arguments: str, stdin: str = "") -> str | None:
    try:
        result = subprocess.run(
            ["git", "-C", str(root), *SAFE_CONFIG, *arguments],
            env=os.environ | SAFE_ENVIRONMENT,
            capture_output=True,
            check=False,
            timeout=TIMEOUT,
            input=os.fsencode(stdin),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.decode(errors="surrogateescape") if result.returncode == 0 else None
