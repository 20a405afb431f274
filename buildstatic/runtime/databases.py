"""The databases of the settings: choosing them, connecting to them, waiting for them.

Each attempt to connect runs in its own thread, so that one that hangs (a host that drops packets, a
proxy that accepts the connection and never answers) is abandoned whatever the driver does, and
signals are handled meanwhile.
"""

from __future__ import annotations

import threading
import time
import warnings
from typing import Any

from buildstatic.errors import BuildstaticError, DatabaseInvalid, DatabaseUnreachable
from buildstatic.runtime.log import error_text, log, reason

# Seconds: the limits of one attempt, the pause between two, and between two equal messages.
LONGEST_ATTEMPT = 10.0
SHORTEST_ATTEMPT = 5.0
PAUSE = 0.5
REPEAT = 10.0


def select(aliases: tuple[str, ...]) -> tuple[str, ...]:
    """Return *aliases*, or ``default`` if it is empty, as ``migrate`` does.

    Returns nothing for a project without a database. Raises `DatabaseInvalid`.
    """
    from django.db import DEFAULT_DB_ALIAS, connections

    for alias in aliases:
        if alias not in connections:
            known = ", ".join(connections)
            raise DatabaseInvalid(f"DATABASES has no alias {alias!r}.", f"It has: {known}.")
    if aliases:
        return tuple(dict.fromkeys(aliases))
    engine = connections.settings[DEFAULT_DB_ALIAS]["ENGINE"]
    if engine != "django.db.backends.dummy":
        return (DEFAULT_DB_ALIAS,)
    if others := [alias for alias in connections if alias != DEFAULT_DB_ALIAS]:
        options = " ".join(f"--database {alias}" for alias in others)
        raise DatabaseInvalid("DATABASES has no default database.", f"Name the others: {options}")
    return ()


def describe(alias: str) -> str:
    """Return the name and the address of the database *alias*, without any secret."""
    from django.db import connections

    settings = connections.settings[alias]
    port = f":{settings['PORT']}" if settings["PORT"] else ""
    place = f"{settings['HOST']}{port}" or str(settings["NAME"])
    return f"the database {alias} ({place})" if place else f"the database {alias}"


def vendor(alias: str) -> str:
    """Return Django's name for the kind of the database *alias*: postgresql, mysql, sqlite."""
    from django.db import connections

    return str(connections[alias].vendor)


def new_connection(alias: str) -> Any:
    """Return a new connection to *alias*: not the one that ``migrate`` uses, and not pooled.

    It belongs to the calling thread, is in autocommit mode and not connected yet. Raises
    `DatabaseInvalid` if the driver is not installed.
    """
    from django.core.exceptions import ImproperlyConfigured
    from django.db import connections

    try:
        connection = connections.create_connection(alias)
    except (ImproperlyConfigured, ImportError) as error:
        problem = f"The database {alias} cannot be used: {reason(error)}"
        raise DatabaseInvalid(problem, "Install its driver, or correct ENGINE.") from error
    settings = connection.settings_dict
    options = {key: value for key, value in settings["OPTIONS"].items() if key != "pool"}
    connection.settings_dict = {**settings, "AUTOCOMMIT": True, "OPTIONS": options}
    return connection


def wait_for(alias: str, deadline: float) -> None:
    """Wait until the database *alias* answers a query, at most until *deadline* (monotonic clock).

    At least one attempt is made. SQLite is not waited for, as its file does not come up. What is
    waited for is logged when the reason changes and every `REPEAT` seconds.

    Raises `DatabaseUnreachable`, or `DatabaseInvalid` if the driver is not installed.
    """
    where = describe(alias)
    began, logged_reason, logged_at = time.monotonic(), "", 0.0
    with warnings.catch_warnings():
        # Django's warning is about models that are not loaded yet; no model is used here.
        warnings.filterwarnings("ignore", "Accessing the database during app", RuntimeWarning)
        while why := _attempt(alias, deadline - time.monotonic()):
            now = time.monotonic()
            if now >= deadline or vendor(alias) == "sqlite":
                problem = (
                    f"No response from {where} in {now - began:.0f} s: {why.removesuffix('.')}."
                )
                advice = "Check that it runs, and DATABASES; --wait waits longer."
                raise DatabaseUnreachable(problem, advice)
            if why != logged_reason or now - logged_at >= REPEAT:
                log(f"waiting for {where}: {why}")
                logged_reason, logged_at = why, now
            time.sleep(max(0.0, min(PAUSE, deadline - now)))
    if logged_reason:
        log(f"waited {time.monotonic() - began:.1f} s for {where}")


def _attempt(alias: str, seconds_left: float) -> str:
    """Query *alias* once; return why there was no answer, or an empty string."""
    from django.db import Error

    seconds = min(LONGEST_ATTEMPT, max(SHORTEST_ATTEMPT, seconds_left))
    outcome: list[BaseException | None] = []

    def query() -> None:
        try:
            connection = new_connection(alias)
            try:
                with connection.cursor() as cursor:
                    cursor.execute(f"SELECT 1{connection.features.bare_select_suffix}")
            finally:
                connection.close()
            outcome.append(None)
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=query, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        return f"no answer within {seconds:.0f} s"
    error = outcome[0]
    if error is None:
        return ""
    if isinstance(error, (Error, OSError)):
        return reason(error)
    if isinstance(error, BuildstaticError):
        raise error
    problem = f"{describe(alias)} cannot be queried: {error_text(error)}"
    raise DatabaseUnreachable(problem, "Check DATABASES in the settings.") from error
