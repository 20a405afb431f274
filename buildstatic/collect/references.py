"""Find references between static files and rewrite them, using the installed storage.

What a reference looks like, which file it means and what it becomes is decided by the storage's
``_patterns``, ``url_converter`` and ``hashed_name`` (`HashedFilesMixin` in
django/contrib/staticfiles/storage.py).

A pattern runs only if its literal text (see `needles`) occurs in the file, and, if possible, only
on the lines it occurs in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from buildstatic.collect.name_patterns import matches_patterns
from buildstatic.collect.needles import literal_of, matches_within_line
from buildstatic.collect.workers.file_tasks import contains_needle, lacks_comment_end

# HashedFilesMixin.hashed_name
_MISSING = re.compile(r"^The file '(.+?)' could not be found with ")
_LONGEST_EXCERPT = 100
MOST_BROKEN = 1000
# Django's patterns of CSS whose search takes the square of a line's length if what they end with is
# missing: what a match begins with, and the character that ends it on the same line.
_LAZY = {
    r"""(?P<matched>url\(['"]{0,1}\s*(?P<url>.*?)["']{0,1}\))""": (r"""url\(['"]?\s*""", r"\)"),
    r"""(?P<matched>@import\s*["']\s*(?P<url>.*?)["'])""": (r"""@import\s*["']\s*""", "[\"']"),
}


@dataclass(frozen=True)
class BrokenReference:
    """A reference that cannot be resolved: in the file *name*, on *line*, with its *text*.

    Without *line* and *text*, no fingerprinted name can be made for the file itself.
    """

    name: str
    line: int
    text: str
    error: Exception

    @property
    def is_missing_map(self) -> bool:
        """Tell whether only a source map is missing, which browsers do not need."""
        return "sourceMappingURL" in self.text and not isinstance(self.error, UnicodeDecodeError)

    @property
    def reason(self) -> str:
        """The reference and why it cannot be resolved, on one line."""
        if isinstance(self.error, UnicodeDecodeError):
            return "not UTF-8 text."
        missing = _MISSING.search(str(self.error))
        reason = (
            f"{missing[1]} is not among the static files"
            if missing
            else " ".join(str(self.error).split())
        )
        text = " ".join(self.text.split())
        if len(text) > _LONGEST_EXCERPT:
            text = f"{text[: _LONGEST_EXCERPT - 1]}…"
        return f"{f'{text}: ' if text else ''}{reason.rstrip('.')}."

    def describe(self, place: str) -> str:
        """Return ``place:line: text: reason.``, with *place* as the name of the file."""
        return f"{f'{place}:{self.line}' if self.line else place}: {self.reason}"

    def __str__(self) -> str:
        return self.describe(self.name)


@dataclass
class BrokenReferences:
    """Keeps the first `MOST_BROKEN` broken references, and as many missing source maps."""

    kept: list[BrokenReference] = field(default_factory=list)
    counts: Counter[bool] = field(default_factory=Counter)  # by whether it is a map

    def add(self, reference: BrokenReference) -> None:
        """Keep *reference*, unless there are enough of its kind."""
        self.counts[reference.is_missing_map] += 1
        if self.counts[reference.is_missing_map] <= MOST_BROKEN:
            self.kept.append(reference)


@dataclass
class NameLookup:
    """The names of files for a storage's ``url_converter``; records what was *requested*.

    *current* returns the fingerprinted name of a file, None for a file that is not collected, and
    an empty string if the storage has to look for the file itself. *has_unknown*: a file that is
    not collected was looked for.
    """

    current: Callable[[str], str | None]
    requested: dict[str, str] = field(default_factory=dict)
    has_unknown: bool = False

    def get(self, key: str) -> str | None:
        """Return the fingerprinted name of *key*, None if the storage has to look for it."""
        name = self.current(key)
        if name is None:
            self.has_unknown = True
        else:
            self.requested[key] = name
        return name or None


def rewrite(
    storage: Any,
    name: str,
    path: str,
    content: str,
    names: NameLookup,
    broken: BrokenReferences,
) -> str:
    """Return *content* with fingerprinted names; it is collected as *name* from the source *path*.

    A reference that cannot be resolved is added to *broken* and stays unchanged.
    """
    from django.core.exceptions import SuspiciousFileOperation

    def safely(convert: Callable[[re.Match[str]], str]) -> Callable[[re.Match[str]], str]:
        counted, line = 0, 1

        def converted(match: re.Match[str]) -> str:
            nonlocal counted, line
            try:
                return convert(match)
            except (ValueError, SuspiciousFileOperation) as error:
                # Not match["matched"], which is empty for source maps up to Django 5.0.
                start = match.start() + len(match[0]) - len(match[0].lstrip())
                line += match.string.count("\n", counted, start)
                counted = start
                # They hold every frame: 3 kB for each reference.
                error.__traceback__ = error.__cause__ = error.__context__ = None
                broken.add(BrokenReference(name, line, match[0], error))
                return match[0]

        return converted

    for extension, patterns in storage._patterns.items():
        if not matches_patterns(path, (extension,)):
            continue
        for pattern, template, *ignored in patterns:
            literal = literal_of(pattern.pattern)
            if literal and not _may_contain(content, literal):
                continue
            blocks = [storage.get_ignored_blocks(content, *ignored)] if ignored else []
            convert = storage.url_converter(name, names, template, *blocks)
            content = _substitute(pattern, literal, safely(convert), content)
    return content


def _substitute(
    pattern: re.Pattern[str],
    literal: str | None,
    convert: Callable[[re.Match[str]], str],
    content: str,
) -> str:
    """Return ``pattern.sub(convert, content)``, searching only lines with *literal* if possible."""
    pieces: list[str] = []
    done = end = 0
    if literal is None or not matches_within_line(literal, pattern):
        for match in _find(pattern, content):
            pieces += content[done : match.start()], convert(match)
            done = match.end()
        return "".join((*pieces, content[done:]))
    while (found := content.find(literal, end)) >= 0:
        start = content.rfind("\n", 0, found) + 1
        end = content.find("\n", found)
        if end < 0:
            end = len(content)
        if lacks_comment_end(pattern.pattern, content[max(start, end - 2) : end]):
            continue
        for match in pattern.finditer(content, start, end):
            pieces += content[done : match.start()], convert(match)
            done = match.end()
    return "".join((*pieces, content[done:]))


def _find(pattern: re.Pattern[str], content: str) -> Iterator[re.Match[str]]:
    """Yield what ``pattern.finditer(content)`` does, in linear time for Django's own of CSS."""
    if pattern.pattern not in _LAZY or pattern.flags != re.IGNORECASE | re.UNICODE:
        yield from pattern.finditer(content)
        return
    begin, last = (re.compile(each, re.IGNORECASE) for each in _LAZY[pattern.pattern])
    done = 0
    closed = newline = -1
    for found in begin.finditer(content):
        if closed < found.end():
            closing = last.search(content, found.end())
            if closing is None:
                return
            closed = closing.start()
        if newline < found.end():
            newline = content.find("\n", found.end()) % (len(content) + 1)
        if found.start() >= done and closed < newline:
            match = pattern.match(content, found.start())
            assert match is not None
            yield match
            done = match.end()


class QuickPattern:
    """A pattern of a storage that searches only what contains its literal text."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern
        self._literal = literal_of(pattern.pattern)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pattern, name)

    def sub(self, convert: Any, text: str, *count: Any, **options: Any) -> str:
        """Do what ``re.Pattern.sub`` does."""
        if count or options or not callable(convert):
            return self._pattern.sub(convert, text, *count, **options)
        if not self._may_match(text):
            return text
        return _substitute(self._pattern, self._literal, convert, text)

    def search(self, text: str, *positions: int) -> re.Match[str] | None:
        """Do what ``re.Pattern.search`` does."""
        return self._pattern.search(text, *positions) if self._may_match(text) else None

    def _may_match(self, text: str) -> bool:
        literal = self._literal
        return literal is None or _may_contain(text, literal)


def _may_contain(text: str, literal: str) -> bool:
    """Tell whether *text* contains *literal* (see `contains_needle`)."""
    if literal != literal.lower():
        return literal in text
    return contains_needle(_encoded(text), (literal.encode(),))


@lru_cache(maxsize=1)
def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
