"""Quoting for a Dockerfile, where words are split at spaces, ``$`` expands and ``[`` globs."""

from __future__ import annotations

import json
import re

_PLAIN = re.compile(r"[A-Za-z0-9_./@%+=:,-]+\Z")


def is_plain(word: str) -> bool:
    """Tell whether *word* means itself anywhere in a Dockerfile and in a mount's CSV."""
    return bool(_PLAIN.match(word)) and "," not in word


def copy_words(*words: str) -> str:
    """Return the operands of a COPY: as words, or as a JSON list where one of them needs it.

    Sources are Go file patterns (``filepath.Match``) and every operand has its variables
    expanded (docs.docker.com/reference/dockerfile, COPY and "Environment replacement").
    """
    if all(_PLAIN.match(word) for word in words):
        return " ".join(words)
    *sources, target = words
    escaped = [_variables(_pattern(source)) for source in sources]
    return json.dumps([*escaped, _variables(target)], ensure_ascii=False)


def env_value(value: str) -> str:
    """Return *value* as the right side of ``ENV NAME=``."""
    if _PLAIN.match(value):
        return value
    escaped = re.sub(r'([\\"$])', r"\\\1", value)
    return f'"{escaped}"'


def _pattern(path: str) -> str:
    return re.sub(r"[\[*?\\]", lambda match: f"[{match[0]}]" if match[0] != "\\" else r"\\", path)


def _variables(word: str) -> str:
    return word.replace("$", r"\$")
