"""SQLite's file where the platform discards it.

devcenter.heroku.com/articles/sqlite3; docs.railway.com/reference/volumes;
fly.io/docs/volumes; render.com/docs/disks; docs.docker.com/engine/storage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildstatic.checks.context import CheckContext
from buildstatic.checks.deployment import compose_files, read_services
from buildstatic.checks.finding import Finding, Severity, split_source

CODES: tuple[str, ...] = ("sqlite-not-kept",)
VOLUME = re.compile(r"^\s*VOLUME\b", re.IGNORECASE | re.MULTILINE)
# As in the files of `buildstatic generate`, which prints the same when it writes them.
COMMENT = re.compile(r"^\s*#.*\bSQLite\b", re.MULTILINE)


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield a finding if the default database is a file that the next deployment does not have."""
    database, connection = context.project.sqlite, context.project.connection
    if database is None or database.value.file.startswith("/"):
        return
    file, line = split_source(database.source)
    has_url = connection is not None and connection.value.url is not None
    reason = _discarded_by(context)
    if has_url or reason is None or context.condition(file, line):
        return
    yield Finding(
        CODES[0],
        Severity.WARNING,
        file,
        line,
        f"The database is the file {database.value.file}, and {reason}.",
        "All data is lost with each deployment and restart.",
        "Use a database server (DATABASE_URL), or put the file on a volume.",
    )


def _discarded_by(context: CheckContext) -> str | None:
    """Return what discards the files of a container; None if nothing is known to.

    A file whose comments say what happens to SQLite is left out.
    """
    for name in ("Procfile", "heroku.yml"):
        text = context.read_text(name)
        if text is not None and not COMMENT.search(text):
            return "Heroku discards the files of a dyno"
    for service in read_services(context):
        if not service.mounts:
            return f"{service.platform} discards the files of a container without a volume"
    dockerfile = context.read_text("Dockerfile")
    if dockerfile is not None and not (VOLUME.search(dockerfile) or COMMENT.search(dockerfile)):
        return None if compose_files(context) else "the container of this Dockerfile has no volume"
    return None
