"""Which files a storage rewrites, and what they contain if they refer to others.

Most files contain no reference, so only those are kept and searched in which the literal text of a
pattern occurs: the longest string that is part of every match.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from buildstatic.collect.name_patterns import matches_patterns
from buildstatic.collect.workers.file_tasks import Needle


def is_adjustable(storage: Any, name: str) -> bool:
    """Tell whether *storage* rewrites files of this *name*."""
    return matches_patterns(name, storage._patterns)


def needles(storage: Any, path: str) -> tuple[Needle, ...] | None:
    """Return what a file contains if one of the patterns for *path* matches (see
    `contains_needle`).

    They apply to every file with the suffix of *path*. None means that any file may match.
    """
    suffix = posixpath.splitext(path)[1] or path
    found: set[Needle] = set()
    for extension, patterns in storage._patterns.items():
        end = extension.rpartition("*")[2]
        may_match = any(sign in end for sign in "?[]")
        if not (may_match or end.endswith(suffix) or suffix.endswith(end)):
            continue
        for pattern, *_ in patterns:
            literal = literal_of(pattern.pattern)
            if literal is None:
                return None
            text = literal.encode()
            within_line = matches_within_line(literal, pattern)
            found.add((text, pattern.pattern, pattern.flags) if within_line else text)
    return tuple(sorted(found, key=repr))


def matches_within_line(literal: str, pattern: re.Pattern[str]) -> bool:
    """Tell whether a match depends only on its line, and that contains *literal* in this case."""
    return literal != literal.lower() and _is_within_line(pattern)


@cache
def _is_within_line(pattern: re.Pattern[str]) -> bool:
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
            return all(str(kind) == "LITERAL" and char != ord("\n") for kind, char in argument)
        case "SUBPATTERN":
            return not argument[1] and all(map(_has_no_newline, argument[3]))
        case "MAX_REPEAT" | "MIN_REPEAT":
            return all(map(_has_no_newline, argument[2]))
        case _:
            return False


@cache
def literal_of(pattern: str) -> str | None:
    """Return the longest text that is part of every match of *pattern*.

    It is in lower case, because the storages compile their patterns with IGNORECASE, but for what
    is in ``(?-i:…)``.
    """
    runs = [""]
    for part in _required(re._parser.parse(pattern), case_sensitive=False):  # type: ignore[attr-defined]
        if part:
            runs[-1] += part
        else:
            runs.append("")
    longest = max(runs, key=len)
    return longest if len(longest) > 2 and longest.isascii() else None


def _required(parsed: Any, *, case_sensitive: bool) -> Iterator[str]:
    """Yield the consecutive characters of every match, and an empty string for anything else.

    An empty string also separates case-sensitive text from other text.
    """
    for operator, argument in parsed:
        match str(operator):
            case "LITERAL":
                yield chr(argument) if case_sensitive else chr(argument).lower()
            case "SUBPATTERN":
                _, _, removed_flags, inner = argument
                changes = bool(removed_flags & re.IGNORECASE) and not case_sensitive
                if changes:
                    yield ""
                yield from _required(inner, case_sensitive=case_sensitive or changes)
                if changes:
                    yield ""
            case "AT":
                continue
            case _:
                yield ""
