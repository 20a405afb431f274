"""Collecting where what is collected is thrown away: release phases, and Railway's pre-deploy.

devcenter.heroku.com/articles/release-phase; docs.railway.com/guides/pre-deploy-command.
"""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.doctor.case import Case
from buildstatic.doctor.chains import chain, deploy, processes
from buildstatic.doctor.finding import Finding, Severity

LOCAL = "release-collects-locally"
CODES = {LOCAL: "files are collected in a container that is thrown away"}


def find(case: Case) -> Iterator[Finding]:
    """Yield the commands that collect into a disk that nobody serves from."""
    if not case.is_local:
        return
    release = processes(case).get("release")
    lines = [*([release] if release else []), *deploy(case).get("preDeployCommand", ())]
    for line in lines:
        if chain("", [line]).first("collect") is None:
            continue
        is_heroku = line.file == "Procfile"
        yield Finding(
            LOCAL,
            Severity.ERROR,
            line.file,
            line.number,
            f"The {'release phase' if is_heroku else 'pre-deploy command'} collects into a local"
            " directory.",
            "It runs in a container of its own, and its files are gone before the app starts.",
            "Take it out: Heroku's Python buildpack collects in the build, as a Dockerfile does."
            if is_heroku
            else "Collect in the build, or in the start command: buildstatic generate railway",
        )
