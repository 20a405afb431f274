"""Autofixes: minimal edits of the user's files, and applying them to all files or none."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from buildstatic.checks.finding import Autofix, Finding
from buildstatic.project import files
from buildstatic.templates import GeneratedFile
from buildstatic.templates.write import compare, write

# A list item on a line of its own.
ITEM = re.compile(r"""^\s*(?P<quote>["'])(?P<name>[\w.]+)(?P=quote),\s*(?:\#.*)?$""")


def apply_fixes(root: Path, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Apply the autofixes of *findings* in *root* and return the findings that were fixed.

    Files that are symbolic links or behind one, that are not UTF-8, or that would no longer be
    valid Python are left alone. Raises `FileError` or `FilesExist` with nothing written.
    """
    texts: dict[str, str] = {}
    fixed = []
    for finding in findings:
        if finding.autofix is None:
            continue
        text = _fixed_text(root, finding.autofix, texts.get(finding.autofix.file))
        if text is not None:
            texts[finding.autofix.file] = text
            fixed.append(finding)
    write(root, compare(root, [GeneratedFile(*item) for item in texts.items()]), force=True)
    return tuple(fixed)


def can_apply(root: Path, autofix: Autofix) -> bool:
    """Return whether `apply_fixes` would change the file of *autofix*."""
    return _fixed_text(root, autofix, None) is not None


def _fixed_text(root: Path, autofix: Autofix, before: str | None) -> str | None:
    """Return the file with *autofix* applied to *before*, by default to its present text.

    None if the file must be left alone or would not change.
    """
    if before is None:
        before = _read_editable(root, autofix.file)
    after = None if before is None else autofix.edit(before)
    if after is None or after == before:
        return None
    if autofix.file.endswith(".py"):
        try:
            ast.parse(after)
        except (SyntaxError, ValueError):
            return None
    return after


def _read_editable(root: Path, name: str) -> str | None:
    """Return the text of *name*, empty if it does not exist, None if it must be left alone."""
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


def append_line(line: str) -> Callable[[str], str]:
    """Return an edit that appends *line* unless the text already contains it."""

    def edit(text: str) -> str:
        if line in text.splitlines():
            return text
        end = _line_end(text)
        return text + ("" if not text or text.endswith("\n") else end) + line + end

    return edit


def insert_below_assignment(name: str, line: str) -> Callable[[str], str | None]:
    """Return an edit that inserts *line* below the only top-level assignment to *name*."""

    def edit(text: str) -> str | None:
        node = _only_assignment(text, name)
        return None if node is None else _insert_line(text, node.end_lineno or 0, line)

    return edit


def move_item(name: str, item: str, after: str) -> Callable[[str], str | None]:
    """Return an edit that moves *item* of the list *name* below *after*, or to the top."""

    def edit(text: str) -> str | None:
        numbers = _item_lines(text, name)
        if numbers is None or item not in numbers:
            return None
        lines = _split_lines(text)
        start = numbers[item]
        if lines[start - 1].lstrip().startswith("#"):  # a comment that belongs to the item
            return None
        target = numbers[after] + 1 if after in numbers else min(numbers.values())
        rest = [*lines[:start], *lines[start + 1 :]]
        target -= start < target
        return "".join([*rest[:target], lines[start], *rest[target:]])

    return edit


def insert_item(name: str, item: str, after: str) -> Callable[[str], str | None]:
    """Return an edit that inserts *item* into the list *name* below *after*, or at the top."""

    def edit(text: str) -> str | None:
        numbers = _item_lines(text, name)
        if numbers is None:
            return None
        if item in numbers:
            return text
        first = min(numbers.values())
        sample = _split_lines(text)[numbers.get(after, first)]
        indent = sample[: len(sample) - len(sample.lstrip())]
        quote = sample.lstrip()[0]
        target = numbers[after] + 1 if after in numbers else first
        return _insert_line(text, target, f"{indent}{quote}{item}{quote},")

    return edit


def _only_assignment(text: str, name: str) -> ast.Assign | None:
    """Return the assignment to *name*, if there is exactly one and it is at the top level."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    stores = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)
    ]
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets == stores and len(stores) == 1:
            return node
    return None


def _item_lines(text: str, name: str) -> dict[str, int] | None:
    """Return the line index of each string in the list *name*.

    None unless it is a plain list with each item on a line of its own.
    """
    node = _only_assignment(text, name)
    items = node.value.elts if node and isinstance(node.value, ast.List | ast.Tuple) else []
    lines = _split_lines(text)
    numbers: dict[str, int] = {}
    for item in items:
        if not isinstance(item, ast.Constant) or not isinstance(item.value, str):
            return None
        match = ITEM.match(lines[item.lineno - 1].rstrip("\r\n"))
        if match is None or match["name"] != item.value or item.value in numbers:
            return None
        numbers[item.value] = item.lineno - 1
    return numbers or None


def _insert_line(text: str, index: int, line: str) -> str:
    lines = _split_lines(text)
    end = _line_end(text)
    if index == len(lines) and lines and not lines[-1].endswith("\n"):
        lines[-1] += end
    return "".join([*lines[:index], f"{line}{end}", *lines[index:]])


def _split_lines(text: str) -> list[str]:
    """Return the lines with their ends, split as Python does: not at a form feed."""
    return list(io.StringIO(text, newline=""))


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
