"""The .gitignore: what is made and not written, added to the one that is there."""

from __future__ import annotations

import re
from pathlib import Path

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms.options import Options
from buildstatic.project import Project
from buildstatic.project.data import tree, uploads
from buildstatic.templates import GeneratedFile, render

NAME = "gitignore"
IS_DEFAULT = False


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:  # noqa: ARG001
    """Return the .gitignore of *project*: a new one, or the present one and what it lacks."""
    text = render(
        "gitignore",
        static=pattern(tree(project) if project.static_root else None),
        media=pattern(uploads(project)),
    )
    present = _read(project.root / ".gitignore")
    if present is None:
        return (GeneratedFile(".gitignore", text),)
    return (GeneratedFile(".gitignore", _added(present, text), appends=True),)


def pattern(directory: str | None) -> str | None:
    """Return the pattern of *directory* (git-scm.com/docs/gitignore), None if it is outside.

    A line break, which no pattern can hold, is matched by ``?``.
    """
    if directory is None or directory.startswith(("/", "..")) or directory == ".":
        return None
    return f"/{escaped(directory)}/"


def escaped(path: str) -> str:
    """Return *path* as a pattern that matches it alone, as far as a pattern can."""
    return re.sub(r"[\r\n]", "?", re.sub(r"([\\*?\[])", r"\\\1", path))


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ConfigInvalid(f"{path.name} is not UTF-8: {error}.", "Save it as UTF-8.") from None


def _added(present: str, wanted: str) -> str:
    """Return *present* as it is, and after it the patterns of *wanted* that it does not cover."""
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines(filter(_is_pattern, present.splitlines()))
    patterns = (line for line in wanted.splitlines() if line and not line.startswith("#"))
    missing = [line for line in patterns if not spec.match_file(_example(line))]
    if not missing:
        return present
    end = "\r\n" if "\r\n" in present else "\n"
    start = "" if not present or present.endswith("\n") else end
    return present + start + "".join(f"{line}{end}" for line in missing)


def _is_pattern(line: str) -> bool:
    """Tell a pattern from a line that git passes over, such as a ``!`` alone."""
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def _example(pattern: str) -> str:
    """Return a path that *pattern*, one of the template's, ignores."""
    path = re.sub(r"\\(.)|\[(.)[^]]*\]|[*?]", lambda m: m[1] or m[2] or "x", pattern).lstrip("/")
    return f"{path}x" if path.endswith("/") else path
