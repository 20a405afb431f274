"""Packages that are known by name: application servers and database drivers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from packaging.utils import canonicalize_name

# In order of preference: the first that is installed is started.
SERVERS = (
    "gunicorn",
    "uvicorn-worker",
    "granian",
    "uwsgi",
    "pyuwsgi",
    "uvicorn",
    "daphne",
    "hypercorn",
    "waitress",
)
ASGI_ONLY_SERVERS = ("uvicorn-worker", "uvicorn", "daphne")
# For projects that need ASGI.
ASGI_SERVERS = (*ASGI_ONLY_SERVERS, "granian", "hypercorn")
# The engine of each database driver.
DRIVERS = {
    "psycopg": "postgresql",
    "psycopg2": "postgresql",
    "psycopg2-binary": "postgresql",
    "mysqlclient": "mysql",
    "pymysql": "mysql",
    "mysql-connector-python": "mysql",
    "oracledb": "oracle",
    "asyncpg": "postgresql",
}
# What ``pip freeze`` lists on Windows, macOS, Debian and Ubuntu, and cannot be installed elsewhere
# (bugs.launchpad.net/ubuntu/+source/python-pip/+bug/1635463). The system's own packages, such as
# python-apt, are not on PyPI.
NOT_INSTALLABLE = frozenset(
    {
        *("pywin32", "pypiwin32", "pywinpty", "windows-curses", "twisted-iocpsupport", "wmi"),
        *("pyobjc", "pyobjc-core", "pyobjc-framework-cocoa", "pkg-resources", "python-apt"),
        *("command-not-found", "ubuntu-advantage-tools", "ubuntu-pro-client", "cloud-init"),
        *("ubuntu-drivers-common", "unattended-upgrades", "language-selector", "ufw", "apturl"),
        *("brlapi", "cupshelpers", "usb-creator", "xkit"),
    }
)
# Words in the names of files, groups and extras.
PRODUCTION = ("production", "prod", "deploy", "deployment", "live", "server", "heroku", "docker")
DEVELOPMENT = frozenset(
    {
        *("dev", "devel", "develop", "development", "debug", "local", "test", "tests", "testing"),
        *("ci", "lint", "linting", "format", "style", "qa", "typing", "types", "mypy", "e2e"),
        *("doc", "docs", "documentation", "bench", "benchmark", "example", "examples", "locust"),
        *("devdocs", "build", "tools", "maintenance", "translate", "windows", "macos"),
    }
)


@dataclass(frozen=True)
class Selection:
    """Dependency groups and extras that are installed, in the order of pyproject.toml.

    *all_groups* and *all_extras* are those that can be.
    """

    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    all_groups: tuple[str, ...] = ()
    all_extras: tuple[str, ...] = ()


@dataclass(frozen=True)
class DependencyOptions:
    """What the user has set instead of what would be found.

    *requirements* are requirements files, relative to the root; *groups* and *extras* those of
    pyproject.toml. *engine* is the database engine of the settings, None if it is not known.
    *required_extras* are extras of the project that its requirements file has, as in ``-e .[web]``.
    """

    requirements: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    extras: tuple[str, ...] | None = None
    engine: str | None = None
    required_extras: frozenset[str] = frozenset()

    @property
    def drivers(self) -> tuple[str, ...]:
        """The drivers of *engine*, in order of preference; all if it is not known."""
        return tuple(name for name, engine in DRIVERS.items() if self.engine in (None, engine))


NO_SELECTION = Selection()
NO_OPTIONS = DependencyOptions()


def words(name: str) -> set[str]:
    """Return the lower-case words of a file's or group's *name*."""
    return set(re.split(r"[^a-z0-9]+", name.lower()))


def select(
    base: Collection[str],
    groups: Mapping[str, Collection[str]],
    extras: Mapping[str, Collection[str]],
    options: DependencyOptions,
) -> Selection:
    """Return which *groups* and *extras* are installed beside *base*, the names of packages.

    They are those with a name such as ``prod``, those that a requirements file has, and those with
    Django, the server or the driver of the database if nothing else has it: of several the one
    with the fewest packages. Those for development never are.
    """
    optional = {("group", name): held for name, held in groups.items()}
    optional |= {("extra", name): held for name, held in extras.items()}
    optional = {key: held for key, held in optional.items() if not words(key[1]) & DEVELOPMENT}
    chosen = [
        (kind, name)
        for kind, name in optional
        if words(name) & set(PRODUCTION)
        or (kind == "extra" and canonicalize_name(name) in options.required_extras)
    ]
    for wanted in (("django",), SERVERS, options.drivers):
        present = set(base).union(*(optional[key] for key in chosen))
        holding = [key for key, held in optional.items() if _first(wanted, held) is not None]
        if holding and _first(wanted, present) is None:
            chosen.append(
                min(holding, key=lambda k: (_first(wanted, optional[k]) or 0, len(optional[k])))
            )
    return Selection(
        tuple(name for name in groups if ("group", name) in chosen)
        if options.groups is None
        else options.groups,
        tuple(name for name in extras if ("extra", name) in chosen)
        if options.extras is None
        else options.extras,
        tuple(groups),
        tuple(extras),
    )


def _first(wanted: Iterable[str], held: Collection[str]) -> int | None:
    """Return the position of the first of *wanted* that is among *held*, None if none is."""
    return next((index for index, name in enumerate(wanted) if name in held), None)
