"""Quoting for a Dockerfile: spaces separate words, ``$`` expands, and ``[`` is part of a glob."""

from __future__ import annotations

import json
import re

from buildstatic.templates import single_line

_PLAIN = re.compile(r"(?!--)[A-Za-z0-9_./@%+=:,-]+\Z")
# Including what is special in the list of sent files, which is derived from the same patterns.
_SPECIAL = re.compile(r"[\\*?\[^{|}\x00-\x1f\x7f]|^[#!\s]|\s$")


def is_plain(word: str) -> bool:
    """Return whether *word* needs no quotes anywhere in a Dockerfile, and in a mount's CSV."""
    return bool(_PLAIN.match(word)) and "," not in word


def pattern(path: str) -> str:
    """Return the Go file pattern (``filepath.Match``) that matches *path* alone.

    A builder may turn it into a regular expression in which ``[*]`` would match any name, so
    special characters are escaped within the class, too (github.com/moby/patternmatcher).
    Characters that no pattern can contain, as a line break, are matched by ``?``.
    """
    return _SPECIAL.sub(lambda m: rf"[\{m[0]}]" if " " <= m[0] <= "~" else "?", path)


def copy_words(*words: str) -> str:
    """Return the operands of a COPY: as words, or as a JSON list if one of them requires it.

    Sources are Go file patterns, and in every operand quotes, backslashes and variables are
    expanded as in a shell (docs.docker.com/reference/dockerfile, COPY and "Environment
    replacement").
    """
    if all(_PLAIN.match(word) for word in words):
        return " ".join(words)
    *sources, target = map(single_line, words)
    operands = [*map(pattern, sources), target]
    escaped = [re.sub(r"""([\\"'$])""", r"\\\1", operand) for operand in operands]
    return json.dumps(escaped, ensure_ascii=False)


def env_value(value: str) -> str:
    """Return *value* as the right side of ``ENV NAME=``, or the operand of a WORKDIR."""
    if _PLAIN.match(value):
        return value
    escaped = re.sub(r'([\\"$])', r"\\\1", single_line(value))
    return f'"{escaped}"'
