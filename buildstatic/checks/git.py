"""What git knows about the project's files; None if git or a repository is missing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

TIMEOUT = 30  # seconds


def list_files(root: Path, *arguments: str) -> tuple[str, ...] | None:
    """Return the paths that ``git ls-files`` prints, relative to *root*; None if it fails."""
    output = _run(root, "ls-files", "-z", *arguments)
    return None if output is None else tuple(filter(None, output.split("\0")))


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
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            check=False,
            timeout=TIMEOUT,
            input=os.fsencode(stdin),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.decode(errors="surrogateescape") if result.returncode == 0 else None
