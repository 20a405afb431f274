"""The options of ``start`` and ``release``: one table, for click and for argparse."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Option:
    """An option of the command line: a flag if *metavar* is empty."""

    name: str
    help: str
    metavar: str = ""
    default: Any = None
    type: Callable[[str], Any] = str
    multiple: bool = False


@dataclass(frozen=True)
class RuntimeCommand:
    """A command: its help *text*, in paragraphs, and its options."""

    name: str
    text: str
    options: tuple[Option, ...]
    takes_command: bool = False

    @property
    def summary(self) -> str:
        """The first paragraph of the help text."""
        return self.text.partition("\n\n")[0]


@dataclass(frozen=True)
class RuntimeOptions:
    """The values of the options; times are in seconds."""

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
    """Return the number in *text*; raises ValueError if it is not a finite time."""
    number = float(text)
    if not 0 <= number < math.inf:
        raise ValueError(text)
    return number


_PROJECT = (
    Option("--settings", "Settings module (default: DJANGO_SETTINGS_MODULE).", "MODULE"),
    Option("--pythonpath", "Directory to add to sys.path, as for manage.py.", "DIR"),
    Option("--manage", "Path of manage.py, if there are several.", "FILE"),
)
_DATABASE = (
    Option("--database", "Database alias, repeatable (default: default).", "ALIAS", multiple=True),
    Option(
        "--wait",
        "How long to wait for the database.",
        "SECONDS",
        default=RuntimeOptions.wait,
        type=seconds,
    ),
    Option(
        "--lock-timeout",
        "How long to wait for another process that migrates.",
        "SECONDS",
        default=RuntimeOptions.lock_timeout,
        type=seconds,
    ),
)
RELEASE = RuntimeCommand(
    "release",
    """Wait for the database, then migrate.

    Runs manage.py migrate --noinput once the database responds, under the lock that start uses, so
    that the two never migrate at the same time.""",
    (*_DATABASE, *_PROJECT),
)
START = RuntimeCommand(
    "start",
    """Collect what is missing, wait for the database, migrate if requested, then serve.

    Static files are collected only if they are missing. With --migrate, one of several replicas
    migrates under a database lock; the others wait and find nothing to do. Finally this process
    is replaced by the server that is installed, preferably gunicorn, or by COMMAND.""",
    (
        Option("--collect", "Collect the static files even if they are present."),
        Option("--migrate", "Migrate under a lock, one process at a time."),
        *_DATABASE,
        *_PROJECT,
    ),
    takes_command=True,
)
COMMANDS = (RELEASE, START)


def split_command(argv: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return the part of *argv* before the first ``--``, and the part after it."""
    if "--" not in argv:
        return argv, ()
    at = argv.index("--")
    return argv[:at], tuple(argv[at + 1 :])


def make_options(values: Mapping[str, Any], command: tuple[str, ...] = ()) -> RuntimeOptions:
    """Return the *values* of a command's parsed options as one value."""
    database = tuple(values["database"] or ())
    return RuntimeOptions(**{**values, "database": database}, command=command)
