"""Collecting in a release phase or pre-deploy command, whose files are discarded.

devcenter.heroku.com/articles/release-phase; docs.railway.com/guides/pre-deploy-command;
render.com/docs/deploys, "Pre-deploy command"; fly.io/docs/reference/configuration.
"""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.checks.context import CheckContext
from buildstatic.checks.deployment import find_commands, read_procfile, read_services
from buildstatic.checks.finding import Finding, Severity

CODES: tuple[str, ...] = ("release-collects-locally",)
# For each platform: its name for the command, and the fix.
PLATFORMS = {
    "Heroku": (
        "release phase",
        "Remove it: Heroku's Python buildpack, or a Dockerfile, collects during the build.",
    ),
    "Railway": (
        "pre-deploy command",
        "Collect in the build or in the start command: buildstatic generate railway",
    ),
    "Render": ("pre-deploy command", "Remove it, and collect in the build."),
    "Fly": ("release command", "Remove it, and collect in the Dockerfile."),
}


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the commands that collect into a local directory that nothing serves from."""
    if not context.has_local_storage:
        return
    lines = [(each.platform, line) for each in read_services(context) for line in each.pre_deploy]
    if release := read_procfile(context).get("release"):
        lines.insert(0, ("Heroku", release))
    for platform, line in lines:
        if any(command.kind == "collect" for command in find_commands([line])):
            name, fix = PLATFORMS[platform]
            yield Finding(
                CODES[0],
                Severity.ERROR,
                line.file,
                line.number,
                f"The {name} collects static files into a local directory.",
                "It runs in a separate container whose files are discarded before the app starts.",
                fix,
            )
