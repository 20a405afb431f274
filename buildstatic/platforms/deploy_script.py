"""A plain server: deploy.sh, which collects, migrates and serves."""

from __future__ import annotations

from buildstatic.platforms.commands import (
    collect_command,
    migrate_commands,
    settings_module,
)
from buildstatic.platforms.options import Options
from buildstatic.platforms.server import serve_command
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile, render

NAME = "deploy.sh"
SUMMARY = "deploy.sh: collect, migrate and serve on a plain server"
IS_DEFAULT = False


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the deploy.sh of *project*."""
    text = render(
        "deploy.sh",
        settings=settings_module(project),
        collect=collect_command(project),
        migrations=migrate_commands(project),
        serve=serve_command(project, options.server),
    )
    notes = ["deploy.sh: ALLOWED_HOSTS needs the domain of the site."]
    commands = [
        f"`{command}` in {directory}"
        for frontend in project.frontends
        for directory, command in frontend.value.commands
    ]
    if commands:
        notes.append(f"deploy.sh: run {' and '.join(commands)} first.")
    return (GeneratedFile("deploy.sh", text, executable=True, notes=tuple(notes), serves=(text,)),)
