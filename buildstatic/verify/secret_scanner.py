"""Recognizes keys in the content of files, in an image's environment and in its history."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Longer than any match, which may span two chunks
OVERLAP = 4096  # bytes
# RFC 7468; with a key in it, because scripts that parse keys contain the heading alone.
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
_CHARACTER_KINDS = tuple(map(re.compile, (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^\w\s]")))
_MIN_LENGTH = 8


class SecretScanner:
    """Searches a content that comes in chunks; *found* says what was found, never the secret."""

    def __init__(self) -> None:
        self.found = ""
        self._overlap = b""

    def update(self, chunk: bytes) -> None:
        """Search the next chunk."""
        window = self._overlap + chunk if self._overlap else chunk
        self._overlap = window[-OVERLAP:]
        if self.found:
            return
        if b"PRIVATE KEY" in window and _PEM.search(window):
            self.found = "contains a private key"
        elif b"SECRET_" in window and _has_value(window):
            self.found = "contains the value of a secret key"


def secret_in_variable(variable: str) -> str:
    """Return the name of the key in *variable*, ``NAME=value``; empty if it has none."""
    name, _, value = variable.partition("=")
    return name if re.fullmatch(_NAME, name) and _is_secret(value) else ""


def secrets_in_command(command: str) -> Iterator[str]:
    """Yield the names of the keys whose values are in *command*, an entry of the history."""
    for match in _IN_HISTORY.finditer(command):
        if _is_secret(next(filter(None, match.groups()), "")):
            yield re.split("[= ]", match[0])[0]


def _has_value(window: bytes) -> bool:
    """Return whether a secret's value looks random; sentences and names are common in scripts."""
    for match in (*_IN_FILE.finditer(window), *_IN_ENV_FILE.finditer(window)):
        value = next(filter(None, match.groups()), b"").decode("utf-8", "replace")
        kinds = sum(kind.search(value) is not None for kind in _CHARACTER_KINDS)
        if kinds > 1 and " " not in value and _is_secret(value):
            return True
    return False


def _is_secret(value: str) -> bool:
    """Return whether *value* is not empty, a placeholder or a reference to another variable."""
    if len(value) < _MIN_LENGTH or value.startswith("$"):
        return False
    return not _PLACEHOLDER.fullmatch(value)
