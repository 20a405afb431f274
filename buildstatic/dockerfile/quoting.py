"""Quoting for a Dockerfile: spaces separate words, ``$`` expands, and ``[`` is part of a glob."""

from __future__ import annotations

import json
import re

from buildstatic.dockerfile.dockerignore import escape
from buildstatic.templates import single_line

_PLAIN = re.compile(r"(?!--)[A-Za-z0-9_./@%+=:,-]+\Z")


def is_plain(word: str) -> bool:
    """Return whether *word* needs no quotes anywhere in a Dockerfile, and in a mount's CSV."""
    return bool(_PLAIN.match(word)) and "," not in word


def copy_words(*words: str) -> str:
    """Return the operands of a COPY: as words, or as a JSON list if one of them requires it.

    Sources are Go file patterns, and in every operand quotes, backslashes and variables are
    expanded as in a shell (docs.docker.com/reference/dockerfile, COPY and "Environment
    replacement").
    """
    if all(_PLAIN.match(word) for word in words):
        return " ".join(words)
    *sources, target = map(single_line, words)
    operands = [*map(escape, sources), target]
    escaped = [re.sub(r"""([\\"'$])""", r"\\\1", operand) for operand in operands]
    return json.dumps(escaped, ensure_ascii=False)


def env_value(value: str) -> str:
    """Return *value* as the right side of ``ENV NAME=``, or the operand of a WORKDIR."""
    if _PLAIN.match(value):
        return value
    escaped = re.sub(r'([\\"$])', r"\\\1", single_line(value))
    return f'"{escaped}"'
