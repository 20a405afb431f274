"""``buildstatic release``: the chain of a release phase."""

from __future__ import annotations

from buildstatic.cli import running
from buildstatic.runtime.options import RELEASE

EPILOG = """\b
Examples:
  buildstatic release                    wait for the database, then migrate
  buildstatic release --wait 300         for a database that is slow to come up
  buildstatic release --database default --database reports
"""

command = running.command(RELEASE, EPILOG)
