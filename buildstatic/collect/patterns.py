"""A storage's patterns, and where it is worth to look for them: most files have no match at all."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from buildstatic.collect.workers import read_task as chores
from buildstatic.collect.workers.read_task import Needle


def can_match(pattern: re.Pattern[str], content: str) -> bool:
    """Tell whether *content* has what every match of *pattern* has in it."""
    literal = _literal(pattern.pattern)
    return literal is None or chores.matters(content.encode(), (literal.encode(),))


def substitute(
    pattern: re.Pattern[str], convert: Callable[[re.Match[str]], str], content: str
) -> str:
    """Return ``pattern.sub(convert, content)``, having searched only what can match."""
    literal = _literal(pattern.pattern)
    if literal is None or not _is_in_lines_with(literal, pattern):
        return pattern.sub(convert, content)
    pieces: list[str] = []
    done = 0
    for start, end in _lines_with(literal, content):
        for match in pattern.finditer(content, start, end):
            pieces += content[done : match.start()], convert(match)
            done = match.end()
    return "".join((*pieces, content[done:]))


def _lines_with(literal: str, content: str) -> Iterator[tuple[int, int]]:
    """Yield where the lines of *content* that have *literal* in them start and end."""
    end = 0
    while (found := content.find(literal, end)) >= 0:
        start = content.rfind("\n", 0, found) + 1
        end = content.find("\n", found)
        if end < 0:
            end = len(content)
        yield start, end


def _is_in_lines_with(literal: str, pattern: re.Pattern[str]) -> bool:
    """Tell whether *pattern*, whose matches have *literal*, matches in lines with that alone."""
    return literal != literal.lower() and _is_within_line(pattern)


@cache
def _is_within_line(pattern: re.Pattern[str]) -> bool:
    """Tell whether a match of *pattern* is in one line, and the same whatever is around that."""
    if not pattern.flags & re.MULTILINE or pattern.flags & re.DOTALL:
        return False
    return all(map(_has_no_newline, re._parser.parse(pattern.pattern)))  # type: ignore[attr-defined]


def _has_no_newline(part: tuple[Any, Any]) -> bool:
    operator, argument = part
    match str(operator):
        case "LITERAL":
            return bool(argument != ord("\n"))
        case "ANY":
            return True
        case "AT":
            return str(argument) in ("AT_BEGINNING", "AT_END")
        case "IN":
            return all(str(kind) == "LITERAL" and sign != ord("\n") for kind, sign in argument)
        case "SUBPATTERN":
            return not argument[1] and all(map(_has_no_newline, argument[3]))
        case "MAX_REPEAT" | "MIN_REPEAT":
            return all(map(_has_no_newline, argument[2]))
        case _:
            return False


def needles(storage: Any, path: str) -> tuple[Needle, ...] | None:
    """Return what a file has some of if a pattern for *path* matches at all (see `matters`).

    They hold for every file of the suffix that *path*
    has. None where nothing can be told, so that every file has to be looked at.
    """
    suffix = posixpath.splitext(path)[1] or path
    found: set[Needle] = set()
    for extension, patterns in storage._patterns.items():
        if not _may_match(extension, suffix):
            continue
        for pattern, *_ in patterns:
            literal = _literal(pattern.pattern)
            if literal is None:
                return None
            text = literal.encode()
            is_line = _is_in_lines_with(literal, pattern)
            found.add((text, pattern.pattern, pattern.flags) if is_line else text)
    return tuple(sorted(found, key=repr))


def _may_match(extension: str, suffix: str) -> bool:
    """Say whether a name with *suffix* can match *extension*, a pattern of fnmatch."""
    end = extension.rpartition("*")[2]
    return any(sign in end for sign in "?[]") or end.endswith(suffix) or suffix.endswith(end)


@cache
def _literal(pattern: str) -> str | None:
    """Return the longest text that every match of *pattern* has in it.

    It is lower case where the pattern ignores case, as those of the storages are compiled to; what
    stands in ``(?-i:…)`` is as it is written there.
    """
    runs = [""]
    for part in _required(re._parser.parse(pattern), exact=False):  # type: ignore[attr-defined]
        if part:
            runs[-1] += part
        else:
            runs.append("")
    longest = max(runs, key=len)
    return longest if len(longest) > 2 and longest.isascii() else None


def _required(parsed: Any, *, exact: bool) -> Iterator[str]:
    """Yield the characters that stand one after the other in every match, nothing for any others.

    What is *exact* is apart from what is not.
    """
    for operator, argument in parsed:
        match str(operator):
            case "LITERAL":
                yield chr(argument) if exact else chr(argument).lower()
            case "SUBPATTERN":
                _, _, removed, inner = argument
                changes = bool(removed & re.IGNORECASE) and not exact
                yield from ("",) * changes
                yield from _required(inner, exact=exact or changes)
                yield from ("",) * changes
            case "AT":
                continue
            case _:
                yield ""
