"""Quotes values for the languages of generated files."""

from __future__ import annotations

import json
import re
import shlex

from buildstatic.errors import ConfigInvalid

# In a word of a Dockerfile or a script a line break would begin another instruction.
_LINE_BREAK = re.compile(r"[\r\n\x00\ud800-\udfff]")
# A word of a Dockerfile: spaces separate words, ``$`` expands, and ``[`` is part of a glob.
_PLAIN = re.compile(r"(?!--)[A-Za-z0-9_./@%+=:,-]+\Z")
# Including what is special in the list of sent files, which builders derive from the same patterns.
_PATTERN = re.compile(r"[\\*?\[^{|}\x00-\x1f\x7f]|^[#!\s]|\s$")
# What neither YAML (yaml.org/spec/1.2.2, "Printable Characters", and the line breaks of 1.1) nor
# TOML (toml.io/en/v1.0.0, "String") allows unescaped, besides what JSON escapes.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def single_line(value: str) -> str:
    """Return *value*; raises ConfigInvalid if a generated file cannot have it within a line."""
    if _LINE_BREAK.search(value):
        raise unquotable(value)
    return value


def shell_word(value: str) -> str:
    """Return *value* as one word of a shell command on one line; raises ConfigInvalid."""
    return shlex.quote(single_line(value))


def unquotable(value: str) -> ConfigInvalid:
    """Return the error for *value*, which a generated file cannot contain."""
    shown = value if len(value) < 200 else f"{value[:200]}…"
    return ConfigInvalid(
        f"A generated file cannot contain {shown!r}: it has a line break or is not text.",
        "Rename the path or module, or change the value.",
    )


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
    operands = [*map(exact_pattern, sources), target]
    escaped = [re.sub(r"""([\\"'$])""", r"\\\1", operand) for operand in operands]
    return json_text(escaped)


def env_value(value: str) -> str:
    """Return *value* as the right side of ``ENV NAME=``, or the operand of a WORKDIR."""
    if _PLAIN.match(value):
        return value
    escaped = re.sub(r'([\\"$])', r"\\\1", single_line(value))
    return f'"{escaped}"'


def continued(word: str) -> str:
    """Return *word* of a Dockerfile's instruction, which continues on the next line."""
    return f"{word} \\\n    "


def exact_pattern(path: str) -> str:
    """Return the Go file pattern (``filepath.Match``) that matches *path* alone.

    A builder may turn it into a regular expression in which ``[*]`` would match any name, so
    special characters are escaped within the class, too (github.com/moby/patternmatcher).
    Characters that no pattern can contain, as a line break, are matched by ``?``.
    """
    return _PATTERN.sub(lambda m: rf"[\{m[0]}]" if " " <= m[0] <= "~" else "?", path)


def json_text(value: object) -> str:
    """Return *value* as JSON on one line, in Python the same for strings.

    A list of strings is the exec form of an instruction of a Dockerfile.
    """
    return json.dumps(value, ensure_ascii=False)


def python_value(value: object, indent: int = 0) -> str:
    """Return *value*, which consists of JSON types, as Python with one entry per line.

    *indent* is the indentation of its first line, in spaces.
    """
    inner = indent + 4
    match value:
        case dict() if value:
            items = [f"{json_text(k)}: {python_value(v, inner)}" for k, v in value.items()]
            brackets = "{}"
        case list() | tuple() if len(value) > 1:
            items = [python_value(item, inner) for item in value]
            brackets = "[]"
        case list() | tuple():
            return "[" + "".join(python_value(item, indent) for item in value) + "]"
        case str():
            return json_text(value)
        case _:
            return repr(value)
    lines = "".join(f"{' ' * inner}{item},\n" for item in items)
    return f"{brackets[0]}\n{lines}{' ' * indent}{brackets[1]}"


def yaml_text(value: object) -> str:
    """Return *value* as YAML or TOML on one line: strings in double quotes, escaped as in JSON."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json_text(value))


def yaml_key(name: str) -> str:
    """Return *name* as a key in YAML, unquoted only if it is unambiguous."""
    is_plain = re.fullmatch(r"[A-Za-z_][\w-]*", name, re.ASCII) and name.lower() not in _WORDS
    return name if is_plain else yaml_text(name)
