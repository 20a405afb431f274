"""``buildstatic start``: the chain of a container that serves."""

from __future__ import annotations

from buildstatic.cli import running
from buildstatic.runtime.options import START

EPILOG = """\b
Examples:
  buildstatic start                      gunicorn, once the database answers
  buildstatic start --migrate            one of several replicas migrates, the others wait
  buildstatic start -- uvicorn --host 0.0.0.0 mysite.asgi:application
"""

command = running.command(START, EPILOG)
