"""The options of ``start`` and ``release``: one table, for click and for argparse."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Option:
    """An option of the command line: a flag where *metavar* is empty."""

    name: str
    help: str
    metavar: str = ""
    default: Any = None
    kind: Callable[[str], Any] = str
    multiple: bool = False

    @property
    def key(self) -> str:
        """The name of its value."""
        return self.name.removeprefix("--").replace("-", "_")


@dataclass(frozen=True)
class Command:
    """A command: what it is for, in paragraphs, and its options."""

    name: str
    text: str
    options: tuple[Option, ...]
    takes_command: bool = False

    @property
    def summary(self) -> str:
        """Its first paragraph."""
        return self.text.partition("\n\n")[0]


@dataclass(frozen=True)
class Wishes:
    """What was asked for; times are in seconds."""

    settings: str | None = None
    pythonpath: str | None = None
    manage: str | None = None
    database: tuple[str, ...] = ()
    wait: float = 60.0
    lock_timeout: float = 600.0
    collect: bool = False
    migrate: bool = False
    command: tuple[str, ...] = ()


def seconds(text: str) -> float:
    """Return the number in *text*; raises ValueError where it is no time to wait."""
    number = float(text)
    if not 0 <= number < math.inf:
        raise ValueError(text)
    return number


_PROJECT = (
    Option("--settings", "The settings module, in place of DJANGO_SETTINGS_MODULE's.", "MODULE"),
    Option("--pythonpath", "A directory to import from, as manage.py has it.", "DIR"),
    Option("--manage", "The manage.py to use, where there are several.", "FILE"),
)
_DATABASE = (
    Option(
        "--database",
        "The alias of a database, in place of default; may be repeated.",
        "ALIAS",
        multiple=True,
    ),
    Option(
        "--wait", "How long to wait for the database.", "SECONDS", default=Wishes.wait, kind=seconds
    ),
    Option(
        "--lock-timeout",
        "How long to wait for another process that migrates.",
        "SECONDS",
        default=Wishes.lock_timeout,
        kind=seconds,
    ),
)
RELEASE = Command(
    "release",
    """Wait for the database, then migrate.

    As manage.py migrate --noinput, when the database answers, and under the lock that start takes,
    so that the two do not meet.""",
    (*_DATABASE, *_PROJECT),
)
START = Command(
    "start",
    """Collect what is missing, wait for the database, migrate if asked, then serve.

    Static files are collected only where they are not there. With --migrate one of several
    replicas migrates, under a lock of the database's own; the others wait and find nothing to do.
    At the end this process becomes gunicorn, or COMMAND.""",
    (
        Option("--collect", "Collect the static files even where they are there already."),
        Option("--migrate", "Migrate under a lock, one process at a time."),
        *_DATABASE,
        *_PROJECT,
    ),
    takes_command=True,
)
COMMANDS = (RELEASE, START)


def split(argv: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return what stands before the first ``--`` of *argv*, and what after it."""
    if "--" not in argv:
        return argv, ()
    at = argv.index("--")
    return argv[:at], tuple(argv[at + 1 :])


def wishes(values: Mapping[str, Any], command: tuple[str, ...] = ()) -> Wishes:
    """Return the *values* of a command's options as one value."""
    return Wishes(**{**values, "database": tuple(values["database"] or ())}, command=command)
