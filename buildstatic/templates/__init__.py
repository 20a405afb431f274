"""The templates of generated files, each readable as the file that it produces.

Lines that begin with ``%%`` are Jinja2 statements. Values from the project are quoted by a filter
for the language of the file: ``sh``, ``json``, ``py``, ``exec``, ``yaml``, ``toml``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from buildstatic.templates import quoting

if TYPE_CHECKING:
    from jinja2 import Environment

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
        raise quoting.unquotable(text[: found.end()].rpartition("\n")[2])
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
        sh=quoting.shell_word,
        json=quoting.json_text,
        py=quoting.json_text,
        exec=quoting.json_text,
        pyvalue=quoting.python_value,
        yaml=quoting.yaml_text,
        yaml_key=quoting.yaml_key,
        toml=quoting.yaml_text,
    )
    return environment
