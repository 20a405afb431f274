"""Collecting where what is collected is thrown away: release phases and pre-deploy commands.

devcenter.heroku.com/articles/release-phase; docs.railway.com/guides/pre-deploy-command.
"""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.doctor.case import Case
from buildstatic.doctor.chains import FLY, chain, deploy, fly_release, processes
from buildstatic.doctor.finding import Finding, Severity

LOCAL = "release-collects-locally"
CODES = {LOCAL: "files are collected in a container that is thrown away"}

RAILWAYS = (
    "pre-deploy command",
    "Collect in the build, or in the start command: buildstatic generate railway",
)
NAMES = {
    "Procfile": (
        "release phase",
        "Take it out: Heroku's Python buildpack collects in the build, as a Dockerfile does.",
    ),
    FLY: ("release command", "Take it out, and collect in the Dockerfile."),
}


def find(case: Case) -> Iterator[Finding]:
    """Yield the commands that collect into a disk that nobody serves from."""
    if not case.is_local:
        return
    release = processes(case).get("release")
    before = deploy(case).get("preDeployCommand", ())
    lines = [*([release] if release else []), *before, *fly_release(case)]
    for line in lines:
        if chain("", [line]).first("collect") is None:
            continue
        name, fix = NAMES.get(line.file, RAILWAYS)
        yield Finding(
            LOCAL,
            Severity.ERROR,
            line.file,
            line.number,
            f"The {name} collects into a local directory.",
            "It runs in a container of its own, and its files are gone before the app starts.",
            fix,
        )
