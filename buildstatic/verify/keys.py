"""What a key looks like: in a content, in an image's environment, in its history."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Enough before and after the end of a piece for all that is searched for.
OVERLAP = 4096  # bytes
# RFC 7468; with a key in it, since scripts that read keys have the heading alone.
_PEM = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    rb"(?:\\r|\\n|\s|[A-Za-z-]+: [^\n]{1,100}\n)+[A-Za-z0-9+/=]{40}"
)
_NAME = r"(?:[A-Z0-9]+_)*SECRET_(?:ACCESS_)?KEY"
_IN_FILE = re.compile(
    rf"(?<![\w.]){_NAME}[\"']?\s{{0,9}}[:=]\s{{0,9}}"
    r"(?:\"([^\"\n]{20,200})\"|'([^'\n]{20,200})')".encode()
)
_IN_ENV_FILE = re.compile(rf"^(?:export )?{_NAME}=([^\s\"'$(){{}};,]{{20,200}})\s*$".encode(), re.M)
_IN_HISTORY = re.compile(rf"(?<![\w.$]){_NAME}[= ](?:\"([^\"]*)\"|'([^']*)'|([^\s\"';&|]*))")
_PLACEHOLDER = re.compile(
    r"(?=.*(?:dummy|placeholder|build|throwaway|unused|fake|example|test|change|collect|none"
    r"|not|insecure|your|secret|static|temp))[a-z]+(?:[-_. ][a-z]+)*",
    re.I,
)
_LETTERS = tuple(map(re.compile, (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^\w\s]")))
SHORT = 8


class Keys:
    """Looks for a key in a content that comes in pieces; *found* says what it is, never the key."""

    def __init__(self) -> None:
        self.found = ""
        self._before = b""

    def update(self, piece: bytes) -> None:
        """Take the next piece."""
        window = self._before + piece if self._before else piece
        self.found = self.found or _kind(window)
        self._before = window[-OVERLAP:]


def _kind(window: bytes) -> str:
    if b"PRIVATE KEY" in window and _PEM.search(window):
        return "it has a private key in it"
    if b"SECRET_" in window and _has_value(window):
        return "it has the value of a secret key in it"
    return ""


def _has_value(window: bytes) -> bool:
    found = [*_IN_FILE.finditer(window), *_IN_ENV_FILE.finditer(window)]
    values = (next(filter(None, each.groups()), b"").decode("utf-8", "replace") for each in found)
    return any(_is_random(value) for value in values)


def in_variable(variable: str) -> str:
    """Return the name of a key in *variable*, ``NAME=value``, empty where it has none."""
    name, _, value = variable.partition("=")
    return name if re.fullmatch(_NAME, name) and _is_secret(value) else ""


def in_command(command: str) -> Iterator[str]:
    """Yield the names of the keys whose values are in *command*, an entry of the history."""
    for found in _IN_HISTORY.finditer(command):
        if _is_secret(next(filter(None, found.groups()), "")):
            yield re.split("[= ]", found[0])[0]


def _is_secret(value: str) -> bool:
    """Tell a value from none, from a word that stands for one, and from another variable."""
    if len(value) < SHORT or value.startswith("$"):
        return False
    return not _PLACEHOLDER.fullmatch(value)


def _is_random(value: str) -> bool:
    """Tell a key from a sentence or a name, of which scripts have many."""
    kinds = sum(each.search(value) is not None for each in _LETTERS)
    return kinds > 1 and " " not in value and _is_secret(value)
