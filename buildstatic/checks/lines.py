"""Small changes to text that is a person's: a line more, a line elsewhere, all else as it was."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Callable

ENTRY = re.compile(r"""^\s*(?P<quote>["'])(?P<name>[\w.]+)(?P=quote),\s*(?:\#.*)?$""")


def appended(line: str) -> Callable[[str], str]:
    """Return a change that adds *line* at the end, if it is nowhere yet."""

    def change(text: str) -> str:
        if line in text.splitlines():
            return text
        end = newline(text)
        return text + ("" if not text or text.endswith("\n") else end) + line + end

    return change


def below_assignment(name: str, line: str) -> Callable[[str], str | None]:
    """Return a change that puts *line* below the one top-level assignment to *name*."""

    def change(text: str) -> str | None:
        found = assignment(text, name)
        return None if found is None else _inserted(text, (found.end_lineno or 0), line)

    return change


def assignment(text: str, name: str) -> ast.Assign | None:
    """Return the assignment to *name* of the Python *text*, if there is one alone, at the top."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Assign) and _sets(node, name)]
    stored = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)
    ]
    is_alone = len(found) == 1 and len(stored) == 1 and found[0] in tree.body
    return found[0] if is_alone else None


def _sets(node: ast.Assign, name: str) -> bool:
    return [getattr(target, "id", "") for target in node.targets] == [name]


def entries(text: str, name: str) -> dict[str, int] | None:
    """Return the lines (from 0) of the texts in the list *name*, each on a line of its own.

    None where the list is written in another way.
    """
    found = assignment(text, name)
    items = found.value.elts if found and isinstance(found.value, ast.List | ast.Tuple) else []
    lines = split(text)
    numbers: dict[str, int] = {}
    for item in items:
        if not isinstance(item, ast.Constant) or not isinstance(item.value, str):
            return None
        match = ENTRY.match(lines[item.lineno - 1].rstrip("\r\n"))
        if match is None or match["name"] != item.value or item.value in numbers:
            return None
        numbers[item.value] = item.lineno - 1
    return numbers or None


def moved(name: str, entry: str, after: str) -> Callable[[str], str | None]:
    """Return a change that lets *entry* of the list *name* stand below *after*, else at its top."""

    def change(text: str) -> str | None:
        numbers = entries(text, name)
        if numbers is None or entry not in numbers:
            return None
        lines = split(text)
        start = numbers[entry]
        if lines[start - 1].lstrip().startswith("#"):
            return None
        target = numbers[after] + 1 if after in numbers else min(numbers.values())
        line = lines[start]
        rest = [*lines[:start], *lines[start + 1 :]]
        target -= start < target
        return "".join([*rest[:target], line, *rest[target:]])

    return change


def added(name: str, entry: str, after: str) -> Callable[[str], str | None]:
    """Return a change that adds *entry* to the list *name* below *after*, else at its top."""

    def change(text: str) -> str | None:
        numbers = entries(text, name)
        if numbers is None:
            return None
        if entry in numbers:
            return text
        first = min(numbers.values())
        sample = split(text)[numbers.get(after, first)]
        indent = sample[: len(sample) - len(sample.lstrip())]
        quote = sample.lstrip()[0]
        at = numbers[after] + 1 if after in numbers else first
        return _inserted(text, at, f"{indent}{quote}{entry}{quote},")

    return change


def _inserted(text: str, at: int, line: str) -> str:
    lines = split(text)
    end = newline(text)
    if at == len(lines) and lines and not lines[-1].endswith("\n"):
        lines[-1] += end
    return "".join([*lines[:at], f"{line}{end}", *lines[at:]])


def split(text: str) -> list[str]:
    """Return the lines of *text*, with their ends, as Python counts them: no form feed ends one."""
    return list(io.StringIO(text, newline=""))


def newline(text: str) -> str:
    """Return how the lines of *text* end."""
    return "\r\n" if "\r\n" in text else "\n"
