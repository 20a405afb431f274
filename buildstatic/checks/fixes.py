"""Making the safe fixes: all files of a run or none, and nothing that is not understood."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

from buildstatic.checks.finding import Finding
from buildstatic.project import files
from buildstatic.templates import GeneratedFile
from buildstatic.templates.write import compare, write


def apply_fixes(root: Path, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Make the repairs of *findings* in *root* and return those that something was changed for.

    A file that is a link, that leads through one, or that is no UTF-8 is left alone, as is one that
    would be no Python any more. Raises `FileError` and `FilesExist`, nothing having been written.
    """
    texts: dict[str, str] = {}
    made = []
    for finding in findings:
        after = _changed(root, finding, texts)
        if finding.autofix and after is not None:
            texts[finding.autofix.file] = after
            made.append(finding)
    write(root, compare(root, [GeneratedFile(*item) for item in texts.items()]), force=True)
    return tuple(made)


def is_possible(root: Path, finding: Finding) -> bool:
    """Say whether `apply_fixes` would do anything for *finding*."""
    return _changed(root, finding, {}) is not None


def _changed(root: Path, finding: Finding, texts: Mapping[str, str]) -> str | None:
    """Return what the repair of *finding* makes of its file, or of what *texts* has for it."""
    wanted = finding.autofix
    if wanted is None:
        return None
    before = texts.get(wanted.file, _text(root, wanted.file))
    after = None if before is None else wanted.change(before)
    is_one = after is not None and after != before and _is_sound(wanted.file, after)
    return after if is_one else None


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
