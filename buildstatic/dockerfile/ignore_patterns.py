"""The patterns of a .dockerignore.

They match as in BuildKit, github.com/moby/patternmatcher: they are rooted, ``**`` matches any
number of directories, the last match decides, and a directory's match applies to all that it
contains. Its surprises are kept: ``**x`` matches any path that ends in x, and in a pattern with a
wildcard braces, ``|`` and ``^`` have the meaning of a regular expression.
"""

from __future__ import annotations

import posixpath
import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from buildstatic.errors import ConfigInvalid

Matches: TypeAlias = tuple[bool, ...]

_SPECIAL = re.compile(r"[*?\[\]\\]")
_TOKEN = re.compile(r"(?P<deep>\*\*/?)|(?P<any>\*)|(?P<one>\?)|\\(?P<escaped>.)|(?P<char>.)", re.S)
MAX_DEEP = 4
_QUOTED = ".+()$"
# The syntax of Go's path/filepath.Match, which every pattern must follow.
_CLASS_CHAR = r"(?:\\.|[^\\\]-])"
_VALID = re.compile(
    rf"(?:\\.|[^\\\[]|\[\^?(?:{_CLASS_CHAR}(?:-{_CLASS_CHAR})?)+\])+\Z",
    re.S,
)


@dataclass(frozen=True)
class Pattern:
    """A normalized pattern; an exception (``!``) includes what earlier patterns exclude."""

    text: str
    is_exception: bool
    matches: Callable[[str], bool]


def read_patterns(text: str) -> tuple[Pattern, ...]:
    """Return the patterns in the *text* of a .dockerignore.

    Raises ConfigInvalid for an invalid pattern.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    return tuple(
        _pattern(line.strip()) for line in lines if line.strip() and not line.startswith("#")
    )


def match(patterns: Iterable[Pattern], path: str, above: Matches | None) -> tuple[bool, Matches]:
    """Return whether *path* is excluded, and which patterns match it.

    *above* is what matched its parent, None in the root. A pattern that cannot change the result
    does not match, not below *path* either.
    """
    is_excluded, matches = False, []
    for index, pattern in enumerate(patterns):
        hit = above is not None and above[index]
        if not hit and pattern.is_exception == is_excluded:
            hit = pattern.matches(path)
        matches.append(hit)
        if hit:
            is_excluded = not pattern.is_exception
    return is_excluded, tuple(matches)


def is_excluded(patterns: Iterable[Pattern], path: str) -> bool:
    """Return whether *path* is excluded, by a pattern for itself or for a parent."""
    above: Matches | None = None
    result, parts = False, path.split("/")
    for length in range(1, len(parts) + 1):
        result, above = match(patterns, "/".join(parts[:length]), above)
    return result


def may_except_below(patterns: Iterable[Pattern], directory: str) -> bool:
    """Return whether an exception may match anything below the excluded *directory*."""
    texts = (
        pattern.text.removesuffix("/**").removesuffix("/*")
        for pattern in patterns
        if pattern.is_exception
    )
    return any(_SPECIAL.search(text) or f"{text}/".startswith(f"{directory}/") for text in texts)


def _pattern(line: str) -> Pattern:
    is_exception = line.startswith("!")
    text = line.removeprefix("!").strip()
    if text:
        text = re.sub("^/+(?=.)", "", posixpath.normpath(text), flags=re.S)
    text = text if is_exception else text.strip()
    try:
        if _VALID.match(text) and not (is_exception and text == "/"):
            return Pattern(text, is_exception, _matcher(text))
    except re.error:
        pass
    raise ConfigInvalid(
        f'"{line}" in the .dockerignore is not a valid pattern.',
        "Put a backslash before a bracket that is part of a name.",
    )


def _matcher(text: str) -> Callable[[str], bool]:
    if not _SPECIAL.search(text):
        return text.__eq__
    if text.startswith("**") and not _SPECIAL.search(text[2:]):
        end = text[2:]
        return lambda path: path.endswith(end) or f"/{path}" == end
    if text.endswith("**") and not _SPECIAL.search(text[:-2]):
        return lambda path: path.startswith(text[:-2])
    expression = _expression(text)
    with warnings.catch_warnings():
        # "[[" is not a nested set, neither in Go nor here.
        warnings.simplefilter("ignore", FutureWarning)
        regex = re.compile(rf"^{expression}\Z", re.ASCII)
    return lambda path: regex.search(path) is not None


def _expression(text: str) -> str:
    """Return the regular expression of a pattern.

    The text between two wildcards of one name is matched where it comes first, without a second
    try, so that the time does not grow with the number of wildcards (CPython's fnmatch does so,
    too). Raises ConfigInvalid for more wildcards than that helps with.
    """
    parts: list[str] = []
    star = None  # the last wildcard in the name
    deep = 0
    is_regular = not re.search(r"[{}|^]", text)
    for token in _TOKEN.finditer(re.sub(r"(?:\*\*/)+", "**/", text) if is_regular else text):
        if token.lastgroup == "any" and is_regular:
            if star is not None:
                fixed = "".join(parts[star + 1 :])
                parts[star:] = [f"(?>[^/]*?{fixed})"]
            star = len(parts)
        elif token.lastgroup in ("any", "deep"):
            deep += 1
            star = None
        parts.append(_translate(token, token.end() == len(token.string)))
    if deep > MAX_DEEP:
        raise ConfigInvalid(
            f'"{text[:200]}" in the .dockerignore has more than {MAX_DEEP} times **.',
            "Write a shorter pattern.",
        )
    return "".join(parts)


def _translate(token: re.Match[str], is_last: bool) -> str:
    match token.lastgroup:
        case "deep":
            return ".*" if is_last else "(.*/)?"
        case "any":
            return "[^/]*"
        case "one":
            return "[^/]"
        case "escaped":
            return f"\\{token['escaped']}"
    char = token["char"]
    return f"\\{char}" if char in _QUOTED else char
