"""The patterns of a .dockerignore, read and matched as BuildKit does.

That is github.com/moby/patternmatcher: rooted, with ``**``, the last match deciding, and a
directory's match holding for all that is in it. Its ways are kept where they surprise: ``**x`` is
any path that ends in x; where there is a wildcard, braces, ``|`` and ``^`` are a regular
expression's.
"""

from __future__ import annotations

import posixpath
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from buildstatic.errors import ConfigInvalid

Matches: TypeAlias = tuple[bool, ...]

_SPECIAL = re.compile(r"[*?\[\]\\]")
_TOKEN = re.compile(r"(?P<deep>\*\*/?)|(?P<any>\*)|(?P<one>\?)|\\(?P<escaped>.)|(?P<char>.)", re.S)
_QUOTED = ".+()$"
# The syntax of Go's path/filepath.Match, which every pattern must have.
_CLASS_CHAR = r"(?:\\.|[^\\\]-])"
_VALID = re.compile(
    rf"(?:\\.|[^\\\[]|\[\^?(?:{_CLASS_CHAR}(?:-{_CLASS_CHAR})?)+\])+\Z",
    re.S,
)


@dataclass(frozen=True)
class Pattern:
    """A cleaned pattern; an exception (``!``) lets in again what earlier ones have kept out."""

    text: str
    is_exception: bool
    matches: Callable[[str], bool]


def read_patterns(text: str) -> tuple[Pattern, ...]:
    """Return the patterns in the *text* of a .dockerignore.

    Raises ConfigInvalid for one that no builder takes.
    """
    return tuple(_pattern(line.strip()) for line in _lines(text))


def match(patterns: Iterable[Pattern], path: str, above: Matches | None) -> tuple[bool, Matches]:
    """Tell whether *path* is kept out, and which patterns match it.

    *above* is what matched its parent, None in the root. A pattern that could change nothing
    counts as no match, for what is below, too.
    """
    is_out, matches = False, []
    for index, pattern in enumerate(patterns):
        hit = above is not None and above[index]
        if not hit and pattern.is_exception == is_out:
            hit = pattern.matches(path)
        matches.append(hit)
        if hit:
            is_out = not pattern.is_exception
    return is_out, tuple(matches)


def may_except_below(patterns: Iterable[Pattern], directory: str) -> bool:
    """Tell whether an exception may let in anything below a *directory* that is kept out."""
    exceptions = [_fixed(pattern.text) for pattern in patterns if pattern.is_exception]
    return any(
        _SPECIAL.search(text) or f"{text}/".startswith(f"{directory}/") for text in exceptions
    )


def _lines(text: str) -> Iterator[str]:
    for line in text.removeprefix("\ufeff").split("\n"):
        if line.strip() and not line.startswith("#"):
            yield line


def _pattern(line: str) -> Pattern:
    is_exception = line.startswith("!")
    text = _clean(line.removeprefix("!").strip())
    text = text if is_exception else text.strip()
    if not _VALID.match(text) or (is_exception and text == "/"):
        raise _invalid(line)
    try:
        return Pattern(text, is_exception, _matcher(text))
    except re.error as error:
        raise _invalid(line) from error


def _clean(pattern: str) -> str:
    """Return *pattern* relative to the root and without ``.``, ``..`` and doubled slashes."""
    if not pattern:
        return ""
    return re.sub("^/+(?=.)", "", posixpath.normpath(pattern), flags=re.S)


def _fixed(text: str) -> str:
    return text.removesuffix("/**").removesuffix("/*")


def _matcher(text: str) -> Callable[[str], bool]:
    if not _SPECIAL.search(text):
        return text.__eq__
    if text.startswith("**") and not _SPECIAL.search(text[2:]):
        end = text[2:]
        return lambda path: path.endswith(end) or f"/{path}" == end
    if text.endswith("**") and not _SPECIAL.search(text[:-2]):
        return lambda path: path.startswith(text[:-2])
    regex = _regex(text)
    return lambda path: regex.search(path) is not None


def _regex(text: str) -> re.Pattern[str]:
    tokens = _TOKEN.finditer(text)
    expression = "".join(_translate(token, token.end() == len(text)) for token in tokens)
    with warnings.catch_warnings():
        # "[[" is no nested set, neither in Go nor here.
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(rf"^{expression}\Z", re.ASCII)


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


def _invalid(line: str) -> ConfigInvalid:
    problem = f'"{line}" in the .dockerignore is not a pattern.'
    return ConfigInvalid(problem, "Put a backslash before a bracket that is part of a name.")
