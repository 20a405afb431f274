"""Railway's Infrastructure as Code: .railway/railway.py, which ``railway config apply`` applies.

It describes a project, not a service: by itself, ``apply`` deletes databases, services and
variables that the file does not declare, and sets a source that it does not declare to null
(github.com/railwayapp/cli, src/iac/change_set.rs). So the file is a partial one, which leaves other
resources alone, and it preserves the variables that the settings read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from keyword import iskeyword

from buildstatic.platforms.commands import (
    other_processes,
    project_name,
    settings_module,
    slug,
    without_shell,
)
from buildstatic.platforms.options import Options
from buildstatic.platforms.railway import DOCKERFILE, RailwayService, railway_service
from buildstatic.platforms.railway_import import import_config
from buildstatic.platforms.repository import enclosing_github_repository, path_in_repository
from buildstatic.project import Process, Project
from buildstatic.templates import GeneratedFile, render

NAME = "railway-iac"
SUMMARY = ".railway/railway.py: the services of a Railway project as code"
IS_DEFAULT = False

SETTINGS = "DJANGO_SETTINGS_MODULE"
PLAN_FIRST = (
    "Railway: `railway config plan` lists what `railway config apply` would change. Do not apply a "
    "plan that deletes what you need: declare it in railway.py first. An existing project is best "
    "started with `railway config pull`, which writes its configuration to a file to compare with."
)


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return .railway/railway.py for *project*, or one converted from *options.existing*.

    Raises ConfigInvalid if the chosen builder cannot be used.
    """
    context = {
        "name": project_name(project),
        "partial": slug(project),
        "origin": enclosing_github_repository(project.root),
        "directory": path_in_repository(project.root),
        "preserved": _preserved(project),
    }
    if options.existing:
        return (import_config(project, options.existing, context),)
    service = railway_service(project, options)
    processes = tuple(_processes(project, options, service))
    text = render(
        "railway-iac.py.jinja",
        service=service,
        settings=settings_module(project),
        processes=processes,
        resources=("web", *(variable for variable, _, _ in processes)),
        **context,
    )
    return (GeneratedFile(".railway/railway.py", text, notes=(PLAN_FIRST,)),)


def _preserved(project: Project) -> tuple[str, ...]:
    """Return the variables that the settings read, whose values are set on Railway."""
    names = {variable.name for variable in project.variables} - {SETTINGS}
    if project.secret_key:
        names.add(project.secret_key.name)
    return tuple(sorted(names))


def _processes(
    project: Project, options: Options, service: RailwayService
) -> Iterator[tuple[str, Process, str]]:
    """Yield the variable, the process and the command of each other process.

    Images of a Dockerfile run commands without a shell.
    """
    used = {"web", "ctx", "project", "service", "github", "preserve", "PARTIAL", "VARIABLES"}
    for item in other_processes(project, options):
        variable = re.sub(r"\W", "_", item.name).lower()
        if variable in used or not variable.isidentifier() or iskeyword(variable):
            variable = f"process_{len(used)}"
        used.add(variable)
        is_image = service.builder == DOCKERFILE
        yield variable, item, without_shell(item.command) if is_image else item.command
