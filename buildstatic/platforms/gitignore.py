"""The .gitignore: patterns for generated files, added to an existing file."""

from __future__ import annotations

import re

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms.options import Options
from buildstatic.project import Project
from buildstatic.project.files import read_bytes
from buildstatic.project.static_files import output_tree, uploads
from buildstatic.templates import GeneratedFile, render

NAME = "gitignore"
SUMMARY = ".gitignore, to which missing lines are added"
IS_DEFAULT = False

FILE = ".gitignore"


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:  # noqa: ARG001
    """Return the .gitignore of *project*: a new one, or the existing one and missing patterns.

    Raises ConfigInvalid if the existing file cannot be read or is not UTF-8.
    """
    text = render(
        "gitignore",
        static=pattern(output_tree(project) if project.static_root else None),
        media=pattern(uploads(project)),
    )
    path = project.root / FILE
    if not path.exists():
        return (GeneratedFile(FILE, text),)
    content = read_bytes(path, project.root)
    try:
        existing = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigInvalid(f"{FILE}:{line}: not valid UTF-8.", "Save the file as UTF-8.") from None
    return (GeneratedFile(FILE, _with_missing_patterns(existing, text), appends=True),)


def pattern(directory: str | None) -> str | None:
    """Return the pattern of *directory* (git-scm.com/docs/gitignore), None if it is outside."""
    if directory is None or directory.startswith(("/", "..")) or directory == ".":
        return None
    return f"/{escape(directory)}/"


def escape(path: str) -> str:
    """Return *path* as a pattern that matches only it.

    A pattern cannot contain a line break, so ``?`` matches it.
    """
    return re.sub(r"[\r\n]", "?", re.sub(r"([\\*?\[])", r"\\\1", path))


def _with_missing_patterns(existing: str, text: str) -> str:
    """Return *existing* followed by the patterns of *text* that it does not cover."""
    from pathspec import GitIgnoreSpec

    valid = []
    for line in existing.splitlines():
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:  # skipped by git, such as a lone "!"
            continue
        valid.append(line)
    spec = GitIgnoreSpec.from_lines(valid)
    patterns = [line for line in text.splitlines() if line and not line.startswith("#")]
    missing = [line for line in patterns if not spec.match_file(_example_path(line))]
    if not missing:
        return existing
    end = "\r\n" if "\r\n" in existing else "\n"
    start = "" if not existing or existing.endswith("\n") else end
    return existing + start + "".join(f"{line}{end}" for line in missing)


def _example_path(pattern: str) -> str:
    """Return a path that *pattern*, one of the template's, ignores."""
    path = re.sub(r"\\(.)|\[(.)[^]]*\]|[*?]", lambda m: m[1] or m[2] or "x", pattern).lstrip("/")
    return f"{path}x" if path.endswith("/") else path
