"""The templates of generated files, each readable as the file that it produces.

Lines that begin with ``%%`` are Jinja2 statements. Values from the project are quoted by a filter
for the language of the file: ``sh``, ``json``, ``py``, ``exec``, ``yaml``, ``toml``.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from buildstatic.errors import ConfigInvalid

if TYPE_CHECKING:
    from jinja2 import Environment

# In a word of a Dockerfile or a script a line break would begin another instruction.
_LINE_BREAK = re.compile(r"[\r\n\x00\ud800-\udfff]")
_UNWRITABLE = re.compile(r"\x00")


@dataclass(frozen=True)
class GeneratedFile:
    """A file to write: its POSIX path relative to the root, and its text.

    *appends*: the text is the existing file with lines added at its end. *notes* tell the user what
    surprises and what is left to do, *warnings* what will not work; both are printed, not written.
    *serves* are the shell commands in it that serve, empty if the image's own command does.
    """

    path: str
    text: str
    executable: bool = False
    appends: bool = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()


def render(template: str, **context: object) -> str:
    """Return the text of *template* (a file name in this directory), ending in one newline."""
    text: str = _environment().get_template(template).render(**context)
    if found := _UNWRITABLE.search(text):
        raise _unquotable(text[: found.end()].rpartition("\n")[2])
    return text.rstrip("\n") + "\n"


def render_page(template: str, **context: object) -> str:
    """Return the HTML of *template*, in which every value is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("buildstatic", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    return environment.get_template(template).render(**context)


def single_line(value: str) -> str:
    """Return *value*; raises ConfigInvalid if a generated file cannot have it within a line."""
    if _LINE_BREAK.search(value):
        raise _unquotable(value)
    return value


def shell_word(value: str) -> str:
    """Return *value* as one word of a shell command on one line; raises ConfigInvalid."""
    return shlex.quote(single_line(value))


def _unquotable(value: str) -> ConfigInvalid:
    shown = value if len(value) < 200 else f"{value[:200]}…"
    return ConfigInvalid(
        f"A generated file cannot contain {shown!r}: it has a line break or is not text.",
        "Rename the path or module, or change the value.",
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("buildstatic", "templates"),
        undefined=StrictUndefined,
        line_statement_prefix="%%",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters.update(
        sh=shell_word,
        json=json_text,
        py=python_text,
        exec=exec_form,
        pyvalue=python_value,
        yaml=yaml_text,
        yaml_key=yaml_key,
        toml=toml_text,
    )
    return environment


def json_text(value: object) -> str:
    """Return *value* as JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def python_text(value: str) -> str:
    """Return *value* as a Python string; the escapes of JSON are valid in Python."""
    return json_text(value)


def python_value(value: object, indent: int = 0) -> str:
    """Return *value*, which consists of JSON types, as Python with one entry per line.

    *indent* is the indentation of its first line, in spaces.
    """
    inner = indent + 4
    match value:
        case dict() if value:
            items = [f"{python_text(k)}: {python_value(v, inner)}" for k, v in value.items()]
            brackets = "{}"
        case list() | tuple() if len(value) > 1:
            items = [python_value(item, inner) for item in value]
            brackets = "[]"
        case list() | tuple():
            return "[" + "".join(python_value(item, indent) for item in value) + "]"
        case str():
            return python_text(value)
        case _:
            return repr(value)
    lines = "".join(f"{' ' * inner}{item},\n" for item in items)
    return f"{brackets[0]}\n{lines}{' ' * indent}{brackets[1]}"


def exec_form(argv: Sequence[str]) -> str:
    """Return *argv* in the exec form of a Dockerfile instruction: a JSON list of strings."""
    return json_text(list(argv))


# What neither YAML (yaml.org/spec/1.2.2, "Printable Characters", and the line breaks of 1.1) nor
# TOML (toml.io/en/v1.0.0, "String") allows unescaped, besides what JSON escapes.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def yaml_text(value: object) -> str:
    """Return *value* as YAML on one line: strings in double quotes, escaped as in JSON."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json_text(value))


def yaml_key(name: str) -> str:
    """Return *name* as a key in YAML, unquoted only if it is unambiguous."""
    is_plain = re.fullmatch(r"[A-Za-z_][\w-]*", name, re.ASCII) and name.lower() not in _WORDS
    return name if is_plain else yaml_text(name)


def toml_text(value: object) -> str:
    """Return *value*, a string, number, boolean or list of them, as TOML on one line."""
    return yaml_text(value)
