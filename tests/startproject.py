"""A real ``django-admin startproject`` with the edits that buildstatic prints applied."""

from __future__ import annotations

import re
from pathlib import Path

from buildstatic.project import Edit
from buildstatic.project.detect import detect
from buildstatic.project.edits import edits
from tests.running import run


def startproject(parent: Path) -> Path:
    """Run ``django-admin startproject mysite`` in *parent* and return the new directory."""
    run(parent, "django-admin", "startproject", "mysite")
    return parent / "mysite"


def edited(root: Path) -> Path:
    """Apply every edit that the project in *root* needs and return *root*.

    Edits are recomputed after each one, because it moves the lines of the others.
    """
    while needed := edits(detect(root, environ={})):
        apply(root, needed[0])
        assert len(edits(detect(root, environ={}))) < len(needed), needed[0]
    return root


def apply(root: Path, edit: Edit) -> None:
    """Apply *edit* at the place that it names."""
    file = root / edit.file
    lines = file.read_text().splitlines() if file.exists() else []
    start, end = _place(edit.where, lines)
    lines[start:end] = edit.text.splitlines()
    file.write_text("\n".join(lines) + "\n")


def _place(where: str, lines: list[str]) -> tuple[int, int]:
    """Return the slice of *lines* that an edit with the place *where* replaces."""
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
