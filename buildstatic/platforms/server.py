"""A plain server: deploy.sh, the same three steps as one script."""

from __future__ import annotations

from buildstatic.platforms import steps
from buildstatic.platforms.options import Options
from buildstatic.project import Project
from buildstatic.templates import Generated, render

NAME = "deploy.sh"
USUAL = False


def files(project: Project, options: Options) -> tuple[Generated, ...]:
    """Return the deploy.sh of *project*."""
    text = render(
        "deploy.sh",
        settings=steps.settings_module(project),
        collect=steps.collect(project),
        migrations=steps.migrations(project),
        serve=steps.serve(project, options),
    )
    return (Generated("deploy.sh", text, executable=True, notes=_notes(project), serves=(text,)),)


def _notes(project: Project) -> tuple[str, ...]:
    if project.frontend is None or not project.frontend.value.build:
        return ()
    frontend = project.frontend.value
    return (f"deploy.sh: run `{frontend.manager} run build` in {frontend.directory} before it.",)
