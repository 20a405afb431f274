"""References between static files: found, followed and rewritten by the installed storage itself.

What a reference looks like, which file it means and what it becomes is asked of the storage: its
``_patterns``, its ``url_converter``, its ``hashed_name`` (django/contrib/staticfiles/storage.py,
`HashedFilesMixin`). What is ours is the order: a file is rewritten again only when a name that it
uses has changed.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

# HashedFilesMixin.hashed_name
_MISSING = re.compile(r"^The file '(.+?)' could not be found with ")


@dataclass(frozen=True)
class Problem:
    """A reference that cannot be followed: in *name*, on *line*, written as *text*.

    Without *line* and *text* it is the file's own name that nothing can be made of.
    """

    name: str
    line: int
    text: str
    error: Exception

    @property
    def is_missing_map(self) -> bool:
        """Tell whether all that is missing is a source map, which browsers do without."""
        return "sourceMappingURL" in self.text and not isinstance(self.error, UnicodeDecodeError)

    def __str__(self) -> str:
        return self.told_of(self.name)

    def told_of(self, place: str) -> str:
        """Return the problem in words, the file called *place*."""
        where = f"{place}:{self.line}" if self.line else place
        if isinstance(self.error, UnicodeDecodeError):
            return f"{where}: it is not UTF-8 text."
        missing = _MISSING.search(str(self.error))
        reason = (
            f"{missing[1]} is not among the static files" if missing else _in_a_line(self.error)
        )
        text = f"{_shortened(self.text)}: " if self.text else ""
        return f"{where}: {text}{reason.rstrip('.')}."


def _in_a_line(text: object) -> str:
    return " ".join(str(text).split())


def _shortened(text: str) -> str:
    line = _in_a_line(text)
    return line if len(line) <= 100 else f"{line[:99]}…"


@dataclass
class Names:
    """What the storage asks for the name of a file: it sees `current`, and *asked* learns of it.

    Where `current` has an empty name for a file, the storage has to look for the file itself.
    """

    current: Callable[[str], str | None]
    asked: dict[str, str] = field(default_factory=dict)

    def get(self, key: str) -> str | None:
        """Return the fingerprinted name of *key*, None for a file that is not collected."""
        name = self.current(key)
        if name is not None:
            self.asked[key] = name
        return name or None


def is_adjustable(storage: Any, name: str) -> bool:
    """Say whether *storage* rewrites files of this *name*."""
    from django.contrib.staticfiles.utils import matches_patterns

    return bool(matches_patterns(name, storage._patterns))


def rewrite(
    storage: Any, name: str, path: str, content: str, names: Names, problems: list[Problem]
) -> str:
    """Return *content*, of the source *path* that is collected as *name*, with fingerprinted names.

    A reference that cannot be followed is added to *problems* and stays as it is.
    """
    from django.contrib.staticfiles.utils import matches_patterns

    for extension, patterns in storage._patterns.items():
        if not matches_patterns(path, (extension,)):
            continue
        for pattern, template, *ignored in patterns:
            blocks = [storage.get_ignored_blocks(content, *ignored)] if ignored else []
            convert = storage.url_converter(name, names, template, *blocks)
            content = pattern.sub(_safely(convert, name, problems), content)
    return content


def _safely(
    convert: Callable[[re.Match[str]], str], name: str, problems: list[Problem]
) -> Callable[[re.Match[str]], str]:
    from django.core.exceptions import SuspiciousFileOperation

    def converted(match: re.Match[str]) -> str:
        try:
            return convert(match)
        except (ValueError, SuspiciousFileOperation) as error:
            # Not match["matched"], which is empty for source maps up to Django 5.0.
            start = match.start() + len(match[0]) - len(match[0].lstrip())
            line = match.string.count("\n", 0, start) + 1
            problems.append(Problem(name, line, match[0], error))
            return match[0]

    return converted


def needles(storage: Any, path: str) -> tuple[bytes, ...] | None:
    """Return texts of which a file has one if a pattern for *path* matches at all.

    Those in lower case may be there in any case. They hold for every file of the suffix that *path*
    has. None where nothing can be told, so that every file has to be looked at.
    """
    suffix = posixpath.splitext(path)[1] or path
    found: set[bytes] = set()
    for extension, patterns in storage._patterns.items():
        if not _may_match(extension, suffix):
            continue
        for pattern, *_ in patterns:
            literal = _literal(pattern.pattern)
            if literal is None:
                return None
            found.add(literal)
    return tuple(sorted(found))


def _may_match(extension: str, suffix: str) -> bool:
    """Say whether a name with *suffix* can match *extension*, a pattern of fnmatch."""
    end = extension.rpartition("*")[2]
    return any(sign in end for sign in "?[]") or end.endswith(suffix) or suffix.endswith(end)


def _literal(pattern: str) -> bytes | None:
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
    return longest.encode() if len(longest) > 2 and longest.isascii() else None


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
