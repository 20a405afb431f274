"""A plain server: deploy.sh, the same three steps as one script."""

from __future__ import annotations

from buildstatic.platforms import commands
from buildstatic.platforms.options import Options
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile, render

NAME = "deploy.sh"
IS_DEFAULT = False


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the deploy.sh of *project*."""
    text = render(
        "deploy.sh",
        settings=commands.settings_module(project),
        collect=commands.collect(project),
        migrations=commands.migrations(project),
        serve=commands.serve(project, options),
    )
    return (
        GeneratedFile("deploy.sh", text, executable=True, notes=_notes(project), serves=(text,)),
    )


def _notes(project: Project) -> tuple[str, ...]:
    if project.frontend is None or not project.frontend.value.build:
        return ()
    frontend = project.frontend.value
    return (f"deploy.sh: run `{frontend.manager} run build` in {frontend.directory} before it.",)
