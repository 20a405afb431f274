"""The steps of a deployment as lines of shell: collect, migrate, serve."""

from __future__ import annotations

import shlex

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import gunicorn
from buildstatic.platforms.options import Options
from buildstatic.project import Project


def collect(project: Project) -> str:
    """Return the line that collects the static files."""
    return _manage(project, "collectstatic")


def migrate(project: Project) -> str:
    """Return the line that migrates the database."""
    return _manage(project, "migrate")


def serve(project: Project, options: Options) -> str:
    """Return the line that serves; raises ConfigInvalid where there is no application."""
    return shlex.join(gunicorn.command(project, options.server))


def chain(*steps: str) -> str:
    """Return *steps* as one line that stops at the first that fails."""
    return " && ".join(steps)


def is_remote(project: Project) -> bool:
    """Tell whether the static files are kept elsewhere: S3 and friends."""
    return project.remote is not None and project.remote.value


def settings_module(project: Project) -> str | None:
    """Return the settings module that the environment must name, None where manage.py does."""
    file, _, _ = project.settings.source.rpartition(":")
    return None if file == project.manage.value else project.settings.value


def single_line(text: str, file: str) -> str:
    """Return *text* if it is one line; raises ConfigInvalid, as *file* has a line a command."""
    if len(text.splitlines()) == 1:
        return text
    raise ConfigInvalid(
        f"{file} has one line a command, and {text!r} has a line break in it.",
        "Rename the directory or the module that it comes from.",
    )


def _manage(project: Project, name: str) -> str:
    manage = gunicorn.operand(project.manage.value)
    return shlex.join(("python", manage, name, "--noinput"))
