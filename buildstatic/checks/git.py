"""What git says of the project's files; nothing where there is no git, or no repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SECONDS = 30


def listed(root: Path, *arguments: str) -> tuple[str, ...] | None:
    """Return the paths that ``git ls-files`` prints, relative to *root*; None where it cannot."""
    printed = _git(root, "ls-files", "-z", *arguments)
    return None if printed is None else tuple(filter(None, printed.split("\0")))


def ignored_by(root: Path, path: str) -> tuple[str, int] | None:
    """Return the file and the line of the pattern that ignores *path*; None if none does."""
    printed = _git(root, "check-ignore", "-v", "-z", "--no-index", "--stdin", given=path)
    if not printed:
        return None
    source, line, pattern, _ = printed.split("\0", 3)
    return None if pattern.startswith("!") else (source, int(line))


def _git(root: Path, *arguments: str, given: str = "") -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            check=False,
            timeout=SECONDS,
            input=os.fsencode(given),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="surrogateescape") if done.returncode == 0 else None
