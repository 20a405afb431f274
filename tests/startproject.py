"""A real ``django-admin startproject``, and the edits that are printed for it, made to it."""

from __future__ import annotations

import re
from pathlib import Path

from buildstatic.project import Edit
from buildstatic.project.detect import detect
from buildstatic.project.edits import edits
from tests.running import run


def startproject(parent: Path) -> Path:
    """Make the project ``mysite`` in *parent*, as Django makes it, and return where it is."""
    run(parent, "django-admin", "startproject", "mysite")
    return parent / "mysite"


def edited(root: Path) -> Path:
    """Make every edit that the project in *root* still needs, one after the other, and return it.

    Each is looked up again, as the one before has moved the lines.
    """
    while needed := edits(detect(root, environ={})):
        make(root, needed[0])
        assert len(edits(detect(root, environ={}))) < len(needed), needed[0]
    return root


def make(root: Path, edit: Edit) -> None:
    """Paste *edit* where it says that it belongs."""
    file = root / edit.file
    lines = file.read_text().splitlines() if file.exists() else []
    start, end = _place(edit.where, lines)
    lines[start:end] = edit.text.splitlines()
    file.write_text("\n".join(lines) + "\n")


def _place(where: str, lines: list[str]) -> tuple[int, int]:
    """Return the slice of *lines* that an edit replaces, by the words for its place."""
    if where == "a new file":
        return 0, 0
    if where == "at the end":
        return len(lines), len(lines)
    if where == "among the imports":
        first = next(n for n, line in enumerate(lines) if line.startswith(("import ", "from ")))
        return first, first
    if replaced := re.fullmatch(r"in place of \w+, line (\d+)", where):
        number = int(replaced[1])
        return number - 1, number
    if below := re.fullmatch(r"below line (\d+), \w+", where):
        return int(below[1]), int(below[1])
    named = where.removeprefix("below ")
    number = next(n for n, line in enumerate(lines, 1) if line.startswith(f"{named} ="))
    return number, number
