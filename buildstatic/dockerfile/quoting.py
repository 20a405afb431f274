"""Quoting for a Dockerfile, where words are split at spaces, ``$`` expands and ``[`` globs."""

from __future__ import annotations

import json
import re

_PLAIN = re.compile(r"(?!--)[A-Za-z0-9_./@%+=:,-]+\Z")
# Also what the list of files to send, made of the same patterns, takes for more than itself.
_SPECIAL = re.compile(r"[\\*?\[^{|}\x00-\x1f\x7f]|^[#!\s]|\s$")


def is_plain(word: str) -> bool:
    """Tell whether *word* means itself anywhere in a Dockerfile and in a mount's CSV."""
    return bool(_PLAIN.match(word)) and "," not in word


def pattern(path: str) -> str:
    """Return the Go file pattern (``filepath.Match``) that matches *path* alone.

    Where a builder makes a regular expression of it, ``[*]`` would match any name: what is special
    is escaped inside of the class, too (github.com/moby/patternmatcher). What no pattern
    can hold, a line break or a tab, is matched by ``?``.
    """
    return _SPECIAL.sub(lambda m: rf"[\{m[0]}]" if " " <= m[0] <= "~" else "?", path)


def copy_words(*words: str) -> str:
    """Return the operands of a COPY: as words, or as a JSON list where one of them needs it.

    Sources are Go file patterns, and every operand is read as a shell would read it: quotes,
    backslashes and variables (docs.docker.com/reference/dockerfile, COPY and "Environment
    replacement").
    """
    if all(_PLAIN.match(word) for word in words):
        return " ".join(words)
    *sources, target = words
    operands = [*map(pattern, sources), target]
    return json.dumps([_unread(operand) for operand in operands], ensure_ascii=False)


def env_value(value: str) -> str:
    """Return *value* as the right side of ``ENV NAME=``, or the operand of a WORKDIR."""
    if _PLAIN.match(value):
        return value
    escaped = re.sub(r'([\\"$])', r"\\\1", value)
    return f'"{escaped}"'


def _unread(word: str) -> str:
    return re.sub(r"""([\\"'$])""", r"\\\1", word)
