"""The files that a platform needs: one platform a module, all of one shape, registered here."""

from __future__ import annotations

from typing import Protocol

from buildstatic.platforms import gitignore, heroku, heroku_app, railway, server
from buildstatic.platforms.options import Options
from buildstatic.project import Project
from buildstatic.templates import Generated


class Platform(Protocol):
    """What each module offers: the name it is asked for by, and what it writes.

    *USUAL* tells whether its files are written where nobody names any.
    """

    NAME: str
    USUAL: bool

    def files(self, project: Project, options: Options) -> tuple[Generated, ...]:
        """Return the platform's files for *project*; raises ConfigInvalid where it has none."""


PLATFORMS: tuple[Platform, ...] = (heroku, railway, server, gitignore, heroku_app)
