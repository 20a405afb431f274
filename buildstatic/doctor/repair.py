"""Making the safe fixes: all files of a run or none, and nothing that is not understood."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from buildstatic.doctor.finding import Finding
from buildstatic.project import files
from buildstatic.templates import Generated
from buildstatic.templates.write import compare, write


def repair(root: Path, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Make the repairs of *findings* in *root* and return those that something was changed for.

    A file that is a link, that leads through one, or that is no UTF-8 is left alone, as is one that
    would be no Python any more. Raises `DiskFailed` and `FilesExist`, nothing having been written.
    """
    texts: dict[str, str] = {}
    made = []
    for finding in findings:
        wanted = finding.repair
        if wanted is None:
            continue
        before = texts.get(wanted.file, _text(root, wanted.file))
        after = None if before is None else wanted.change(before)
        if after is None or after == before or not _is_sound(wanted.file, after):
            continue
        texts[wanted.file] = after
        made.append(finding)
    write(root, compare(root, [Generated(*item) for item in texts.items()]), force=True)
    return tuple(made)


def _text(root: Path, name: str) -> str | None:
    """Return the text of *name*, empty where there is no file, None for one to leave alone."""
    path = root / name
    inside = [path, *path.parents][: len(Path(name).parts)]
    if Path(name).is_absolute() or ".." in Path(name).parts or any(p.is_symlink() for p in inside):
        return None
    if not path.exists():
        return ""
    try:
        return path.read_bytes().decode() if files.is_file(path) else None
    except (OSError, UnicodeDecodeError):
        return None


def _is_sound(name: str, text: str) -> bool:
    if not name.endswith(".py"):
        return True
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True
