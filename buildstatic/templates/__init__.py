"""The text of what is generated: one template a file, readable as the file that it makes.

Lines that begin with ``%%`` are Jinja2 statements. What comes from the project goes through the
filter of the place where it stands: ``sh``, ``json``, ``py``, ``exec``.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True)
class Generated:
    """A file to write: its POSIX path relative to the root, its text, and what to tell about it.

    *appends* tells that the text is the present file's with lines added at its end. *notes* are
    plain sentences for the person who generates: why the file says what it says, and what is left
    to do; *warnings* say what will not work. They are printed, never written.
    """

    path: str
    text: str
    executable: bool = False
    appends: bool = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


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
    environment.filters.update(sh=shlex.quote, json=json_text, py=python_text, exec=exec_form)
    environment.filters.update(toml=toml_text)
    return environment


def json_text(value: object) -> str:
    """Return *value* as JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def python_text(value: str) -> str:
    """Return *value* as a Python string in double quotes; JSON's escapes are Python's, too."""
    return json_text(value)


def toml_text(value: object) -> str:
    """Return *value*, a string or strings, as TOML: JSON, but that DEL is escaped (toml.io)."""
    return json_text(value).replace("\x7f", "\\u007f")


def exec_form(argv: Sequence[str]) -> str:
    """Return *argv* in the exec form of a Dockerfile instruction: a JSON list of strings."""
    return json_text(list(argv))
