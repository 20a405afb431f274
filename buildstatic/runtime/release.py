"""``release``: wait for the database, then migrate."""

from __future__ import annotations

import time
from contextlib import nullcontext

from buildstatic.errors import LockUnsupported
from buildstatic.runtime import databases, locks, migrating, site
from buildstatic.runtime.lock import locked
from buildstatic.runtime.log import say
from buildstatic.runtime.options import Wishes
from buildstatic.runtime.waiting import wait


def release(wishes: Wishes) -> None:
    """Run the steps; each raises what its module says.

    One process releases, so a database that has no lock is migrated without.
    """
    site.enter(wishes, "migrate")
    aliases = wait_for_all(wishes)
    site.setup()
    for alias in aliases:
        with locked(alias, wishes.lock_timeout) if _has_lock(alias) else nullcontext():
            migrating.migrate(alias)


def wait_for_all(wishes: Wishes) -> tuple[str, ...]:
    """Wait for the databases that are meant and return their aliases."""
    aliases = databases.named(wishes.database)
    if not aliases:
        say("no database in DATABASES: nothing to wait for")
    deadline = time.monotonic() + wishes.wait
    for alias in aliases:
        wait(alias, deadline)
    return aliases


def _has_lock(alias: str) -> bool:
    try:
        locks.check_vendor(databases.vendor(alias))
    except LockUnsupported as error:
        say(f"warning: migrating without a lock. {error.problem}")
        return False
    return True
