"""Find references between static files and rewrite them, using the installed storage.

What a reference looks like, which file it means and what it becomes is decided by the storage's
``_patterns``, ``url_converter`` and ``hashed_name`` (`HashedFilesMixin` in
django/contrib/staticfiles/storage.py).

Most files contain no reference, so a pattern runs only if its literal text (the longest string that
is part of every match) occurs in the file, and, if possible, only on the lines it occurs in.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from buildstatic.collect.workers.file_tasks import Needle, contains_needle, lacks_comment_end

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


class BrokenReferences(list[BrokenReference]):
    """The first `MOST_BROKEN` broken references, and as many missing source maps."""

    def __init__(self) -> None:
        super().__init__()
        self._counts = {False: 0, True: 0}

    def append(self, reference: BrokenReference, /) -> None:
        """Add *reference*, unless there are enough of its kind."""
        self._counts[reference.is_missing_map] += 1
        if self._counts[reference.is_missing_map] <= MOST_BROKEN:
            super().append(reference)


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


def is_adjustable(storage: Any, name: str) -> bool:
    """Tell whether *storage* rewrites files of this *name*.

    Its patterns are those of ``fnmatchcase`` (django/contrib/staticfiles/utils.py,
    `matches_patterns`).
    """
    return _any_of(tuple(storage._patterns)).match(name) is not None


@lru_cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(fnmatch.translate, patterns)) or "(?!)")


def rewrite(
    storage: Any,
    name: str,
    path: str,
    content: str,
    names: NameLookup,
    broken: list[BrokenReference],
) -> str:
    """Return *content* with fingerprinted names; it is collected as *name* from the source *path*.

    A reference that cannot be resolved is added to *broken* and stays unchanged.
    """
    from django.contrib.staticfiles.utils import matches_patterns
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
                broken.append(BrokenReference(name, line, match[0], error))
                return match[0]

        return converted

    for extension, patterns in storage._patterns.items():
        if not matches_patterns(path, (extension,)):
            continue
        for pattern, template, *ignored in patterns:
            literal = _literal(pattern.pattern)
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
    if literal is None or not _matches_within_line(literal, pattern):
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
        self._literal = _literal(pattern.pattern)

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


def needles(storage: Any, path: str) -> tuple[Needle, ...] | None:
    """Return what a file contains if one of the patterns for *path* matches (see `matters`).

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
            literal = _literal(pattern.pattern)
            if literal is None:
                return None
            text = literal.encode()
            within_line = _matches_within_line(literal, pattern)
            found.add((text, pattern.pattern, pattern.flags) if within_line else text)
    return tuple(sorted(found, key=repr))


def _matches_within_line(literal: str, pattern: re.Pattern[str]) -> bool:
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
def _literal(pattern: str) -> str | None:
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
