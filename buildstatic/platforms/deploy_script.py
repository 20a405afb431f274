"""A plain server: deploy.sh, which collects, migrates and serves."""

from __future__ import annotations

from buildstatic.platforms.commands import (
    collect_command,
    migrate_commands,
    serve_command,
    settings_module,
)
from buildstatic.platforms.options import Options
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile, render

NAME = "deploy.sh"
IS_DEFAULT = False


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the deploy.sh of *project*."""
    text = render(
        "deploy.sh",
        settings=settings_module(project),
        collect=collect_command(project),
        migrations=migrate_commands(project),
        serve=serve_command(project, options),
    )
    notes: tuple[str, ...] = ()
    frontend = project.frontend.value if project.frontend else None
    if frontend is not None and frontend.build:
        notes = (f"deploy.sh: run `{frontend.manager} run build` in {frontend.directory} first.",)
    return (GeneratedFile("deploy.sh", text, executable=True, notes=notes, serves=(text,)),)
