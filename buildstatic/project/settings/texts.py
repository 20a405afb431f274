"""Text as settings build it: methods of ``str``, ``%`` and ``format``."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from buildstatic.project.settings.values import UNKNOWN, Value, plain

METHODS = frozenset(
    {
        "strip",
        "lstrip",
        "rstrip",
        "lower",
        "upper",
        "title",
        "capitalize",
        "replace",
        "split",
        "rsplit",
        "splitlines",
        "join",
        "removeprefix",
        "removesuffix",
        "startswith",
        "endswith",
    }
)


def method(text: str, name: str, positional: tuple[Value, ...], named: dict[str, Value]) -> object:
    """Return ``text.name(…)``; UNKNOWN where that is not known to be harmless, or not known."""
    given = [_known(value) for value in positional]
    keywords = {key: _known(value) for key, value in named.items()}
    if UNKNOWN in given or UNKNOWN in keywords.values():
        return UNKNOWN
    if name == "format" and re.fullmatch(r"(?:[^{}]|\{\w*\})*", text):
        return text.format(*given, **keywords)
    if name not in METHODS:
        return UNKNOWN
    result = getattr(text, name)(*given, **keywords)
    return tuple(map(Value, result)) if isinstance(result, list) else result


def percent(template: str, value: Value) -> object:
    """Return ``template % value`` where the template asks for nothing but plain insertions."""
    given = _known(value)
    if given is UNKNOWN or not re.fullmatch(r"(?:[^%]|%%|%(?:\(\w+\))?[sd])*", template):
        return UNKNOWN
    return template % given


def _known(value: Value) -> object:
    data = plain(value)
    parts = data if isinstance(data, tuple) else data.values() if isinstance(data, dict) else [data]
    simple = (str, int, float, type(None), PurePosixPath)
    return data if all(isinstance(part, simple) for part in parts) else UNKNOWN
