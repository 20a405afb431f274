"""``start``: collect what is missing, wait, migrate if asked, then become the server."""

from __future__ import annotations

from typing import NoReturn

from buildstatic.runtime import databases, locks, migrating, server, site
from buildstatic.runtime.collecting import collect
from buildstatic.runtime.lock import locked
from buildstatic.runtime.log import say
from buildstatic.runtime.options import Wishes
from buildstatic.runtime.release import wait_for_all


def start(wishes: Wishes) -> NoReturn:
    """Run the steps; each raises what its module says, and nothing runs where no server is."""
    here = site.enter(wishes, "migrate" if wishes.migrate else "start")
    argv = server.command(wishes.command, here)
    collect(always=wishes.collect)
    aliases = wait_for_all(wishes)
    if wishes.migrate:
        site.setup()
        for alias in aliases:
            _migrate(alias, wishes.lock_timeout)
    server.become(argv, here)


def _migrate(alias: str, seconds: float) -> None:
    """Migrate *alias* under its lock, unless another process has done so.

    Without one, replicas would migrate at once, so that is refused.
    """
    locks.check_vendor(databases.vendor(alias))
    with locked(alias, seconds):
        if migrating.is_migrated(alias):
            say(f"nothing to migrate in {alias}")
        else:
            migrating.migrate(alias)
