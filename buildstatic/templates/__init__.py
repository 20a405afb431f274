"""The text of what is generated: one template a file, readable as the file that it makes.

Lines that begin with ``%%`` are Jinja2 statements. What comes from the project goes through the
filter of the place where it stands: ``sh``, ``json``, ``py``, ``exec``, ``yaml``, ``toml``.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True)
class GeneratedFile:
    """A file to write: its POSIX path relative to the root, its text, and what to tell about it.

    *appends* tells that the text is the present file's with lines added at its end. *notes* are
    plain sentences for the person who generates: why the file says what it says, and what is left
    to do; *warnings* say what will not work. They are printed, never written. *serves* are the
    command lines in it that serve, each for a shell; none where the image's own command does.
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
    return _environment().get_template(template).render(**context).rstrip("\n") + "\n"


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
        sh=shlex.quote,
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
    """Return *value* as a Python string in double quotes; JSON's escapes are Python's, too."""
    return json_text(value)


def python_value(value: object, indent: int = 0) -> str:
    """Return *value*, of JSON's kinds, as Python over as many lines as it has entries.

    *indent* is how far the line that it begins on is indented, in spaces.
    """
    match value:
        case dict() if value:
            entries = [f"{python_text(k)}: {python_value(v, indent + 4)}" for k, v in value.items()]
            return _lines("{", entries, "}", indent)
        case list() | tuple() if len(value) > 1:
            return _lines("[", [python_value(item, indent + 4) for item in value], "]", indent)
        case list() | tuple():
            return "[" + "".join(python_value(item, indent) for item in value) + "]"
        case str():
            return python_text(value)
        case _:
            return repr(value)


def _lines(start: str, entries: Sequence[str], end: str, indent: int) -> str:
    inner = "".join(f"{' ' * (indent + 4)}{entry},\n" for entry in entries)
    return f"{start}\n{inner}{' ' * indent}{end}"


def exec_form(argv: Sequence[str]) -> str:
    """Return *argv* in the exec form of a Dockerfile instruction: a JSON list of strings."""
    return json_text(list(argv))


# What neither YAML (yaml.org/spec/1.2.2, "Printable Characters", and 1.1's line breaks) nor TOML
# (toml.io/en/v1.0.0, "String") takes as it is, beside what JSON escapes.
_UNPRINTED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def yaml_text(value: object) -> str:
    """Return *value* as YAML on one line: texts in double quotes, with JSON's escapes."""
    return _UNPRINTED.sub(lambda found: f"\\u{ord(found[0]):04x}", json_text(value))


def yaml_key(name: str) -> str:
    """Return *name* as a key in YAML, bare where that cannot be read as anything else."""
    is_plain = re.fullmatch(r"[A-Za-z_][\w-]*", name, re.ASCII) and name.lower() not in _WORDS
    return name if is_plain else yaml_text(name)


def toml_text(value: object) -> str:
    """Return *value*, a text, a number, a truth or a list of them, as TOML on one line."""
    return yaml_text(value)
