"""Collecting where what is collected is thrown away: release phases and pre-deploy commands.

devcenter.heroku.com/articles/release-phase; docs.railway.com/guides/pre-deploy-command;
render.com/docs/deploys, "Pre-deploy command"; fly.io/docs/reference/configuration.
"""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.checks.chains import chain, processes
from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity
from buildstatic.checks.services import services

LOCAL = "release-collects-locally"
CODES = {LOCAL: "files are collected in a container that is thrown away"}

# What each platform calls it, and what to do instead.
NAMES = {
    "Heroku": (
        "release phase",
        "Take it out: Heroku's Python buildpack collects in the build, as a Dockerfile does.",
    ),
    "Railway": (
        "pre-deploy command",
        "Collect in the build, or in the start command: buildstatic generate railway",
    ),
    "Render": ("pre-deploy command", "Take it out, and collect in the build."),
    "Fly": ("release command", "Take it out, and collect in the Dockerfile."),
}


def find(case: CheckContext) -> Iterator[Finding]:
    """Yield the commands that collect into a disk that nobody serves from."""
    if not case.is_local:
        return
    release = processes(case).get("release")
    lines = [("Heroku", release)] if release else []
    lines += [(each.platform, line) for each in services(case) for line in each.before]
    for platform, line in lines:
        if chain("", [line]).first("collect") is None:
            continue
        name, fix = NAMES[platform]
        yield Finding(
            LOCAL,
            Severity.ERROR,
            line.file,
            line.number,
            f"The {name} collects into a local directory.",
            "It runs in a container of its own, and its files are gone before the app starts.",
            fix,
        )
