"""The step that waits for the databases.

Each attempt is made in a thread of its own, so that one that hangs (a host that drops packets, a
proxy that takes the connection and never answers) is given up whatever the driver does, and a
signal is heard meanwhile.
"""

from __future__ import annotations

import threading
import time
import warnings

from buildstatic.errors import BuildstaticError, DatabaseUnreachable
from buildstatic.runtime import databases
from buildstatic.runtime.blame import words
from buildstatic.runtime.log import reason, say

LONGEST = 10.0  # seconds
SHORTEST = 5.0
PAUSE = 0.5
AGAIN = 10.0


def wait(alias: str, deadline: float) -> None:
    """Wait until the database *alias* answers a query, at most until *deadline*, of the monotonic
    clock; it is tried once at least. SQLite is not waited for: its file cannot come up.

    Says what is waited for and why, when that changes and every `AGAIN` seconds. Raises
    `DatabaseUnreachable`, or `DatabaseInvalid` where the driver is not installed.
    """
    with warnings.catch_warnings():
        # Django's, which has a reason only where models are not complete yet.
        warnings.filterwarnings("ignore", "Accessing the database during app", RuntimeWarning)
        _wait(alias, deadline)


def _wait(alias: str, deadline: float) -> None:
    began, told, said = time.monotonic(), "", 0.0
    where = databases.words(alias)
    while why := _attempt(alias, min(LONGEST, max(SHORTEST, deadline - time.monotonic()))):
        now = time.monotonic()
        if now >= deadline or databases.vendor(alias) == "sqlite":
            raise _unreachable(where, why, now - began)
        if why != told or now - said >= AGAIN:
            say(f"waiting for {where}: {why}")
            told, said = why, now
        time.sleep(max(0.0, min(PAUSE, deadline - now)))
    if told:
        say(f"waited {time.monotonic() - began:.1f} s for {where}")


def _attempt(alias: str, seconds: float) -> str:
    """Try for some *seconds* whether *alias* answers; return why not, or nothing."""
    outcome: list[BaseException | None] = []
    thread = threading.Thread(target=_query, args=(alias, outcome), daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        return f"no answer within {seconds:.0f} s"
    error = outcome[0]
    if error is None or _is_from_database(error):
        return reason(error) if error else ""
    if isinstance(error, BuildstaticError):
        raise error
    problem = f"{databases.words(alias)} cannot be asked: {words(error)}"
    raise DatabaseUnreachable(problem, "Look at DATABASES in the settings.") from error


def _query(alias: str, outcome: list[BaseException | None]) -> None:
    try:
        connection = databases.own(alias)
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT 1{connection.features.bare_select_suffix}")
        finally:
            connection.close()
        outcome.append(None)
    except BaseException as error:
        outcome.append(error)


def _is_from_database(error: BaseException) -> bool:
    from django.db import Error

    return isinstance(error, (Error, OSError))


def _unreachable(where: str, why: str, seconds: float) -> DatabaseUnreachable:
    problem = f"No answer from {where} in {seconds:.0f} s: {why.removesuffix('.')}."
    return DatabaseUnreachable(problem, "Check that it runs and DATABASES; --wait waits longer.")
