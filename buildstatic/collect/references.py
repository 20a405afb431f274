"""References between static files: found, followed and rewritten by the installed storage itself.

What a reference looks like, which file it means and what it becomes is asked of the storage: its
``_patterns``, its ``url_converter``, its ``hashed_name`` (django/contrib/staticfiles/storage.py,
`HashedFilesMixin`). What is ours is the order: a file is rewritten again only when a name that it
uses has changed.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from buildstatic.collect.patterns import can_match, substitute

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
    """Say whether *storage* rewrites files of this *name*.

    Its patterns are those of ``fnmatchcase`` (django/contrib/staticfiles/utils.py,
    `matches_patterns`).
    """
    return _any_of(tuple(storage._patterns)).match(name) is not None


@lru_cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(fnmatch.translate, patterns)) or "(?!)")


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
            if not can_match(pattern, content):
                continue
            blocks = [storage.get_ignored_blocks(content, *ignored)] if ignored else []
            convert = storage.url_converter(name, names, template, *blocks)
            content = substitute(pattern, _safely(convert, name, problems), content)
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
