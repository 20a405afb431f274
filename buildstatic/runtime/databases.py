"""The databases of the settings: which are meant, what they are called, a connection of our own."""

from __future__ import annotations

from typing import Any

from buildstatic.errors import DatabaseInvalid
from buildstatic.runtime.log import reason

DEFAULT = "default"


def named(aliases: tuple[str, ...]) -> tuple[str, ...]:
    """Return *aliases*, or ``default`` where there is none, as ``migrate`` has it.

    Nothing is returned for a project without a database. Raises `DatabaseInvalid`.
    """
    from django.db import connections

    for alias in aliases:
        if alias not in connections:
            known = ", ".join(connections)
            raise DatabaseInvalid(f"DATABASES has no {alias!r}.", f"It has {known}.")
    if aliases:
        return tuple(dict.fromkeys(aliases))
    others = [alias for alias in connections if alias != DEFAULT]
    if is_dummy(DEFAULT) and others:
        problem = "DATABASES leaves default empty."
        raise DatabaseInvalid(problem, f"Name the others: --database {' --database '.join(others)}")
    return () if is_dummy(DEFAULT) else (DEFAULT,)


def is_dummy(alias: str) -> bool:
    """Tell whether Django's settings name no engine for *alias*."""
    from django.db import connections

    return bool(connections.settings[alias]["ENGINE"] == "django.db.backends.dummy")


def own(alias: str) -> Any:
    """Return a new connection to *alias*: not the one that ``migrate`` uses, and out of no pool.

    It belongs to the thread that calls, is in autocommit, and not connected yet. Raises
    `DatabaseInvalid` where the driver is not installed.
    """
    from django.core.exceptions import ImproperlyConfigured
    from django.db import connections

    try:
        connection = connections.create_connection(alias)
    except (ImproperlyConfigured, ImportError) as error:
        problem = f"The database {alias} cannot be used: {reason(error)}"
        raise DatabaseInvalid(problem, "Install its driver, or mend ENGINE.") from error
    settings = connection.settings_dict
    options = {key: value for key, value in settings["OPTIONS"].items() if key != "pool"}
    connection.settings_dict = {**settings, "AUTOCOMMIT": True, "OPTIONS": options}
    return connection


def words(alias: str) -> str:
    """Return the database *alias* with where it is, and nothing that is secret."""
    from django.db import connections

    settings = connections.settings[alias]
    port = f":{settings['PORT']}" if settings["PORT"] else ""
    place = f"{settings['HOST']}{port}" or str(settings["NAME"])
    return f"the database {alias} ({place})" if place else f"the database {alias}"


def vendor(alias: str) -> str:
    """Return Django's word for the kind of the database *alias*: postgresql, mysql, sqlite."""
    from django.db import connections

    return str(connections[alias].vendor)
