"""Railway's Infrastructure as Code: .railway/railway.py, which ``railway config apply`` applies.

It describes a project, not a service: by itself, ``apply`` deletes databases, services and
variables that the file does not declare, and sets a source that it does not declare to null
(github.com/railwayapp/cli, src/iac/change_set.rs). So the file is a partial one, which leaves other
resources alone. CLIs with the feature variables-policy, which they name in the context, are told to
leave all variables alone; for others it preserves those that the settings read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
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
# The names in railway.py that no process can have.
RESERVED = (
    *("web", "ctx", "project", "service", "github", "preserve", "from_cli", "features"),
    *("unmanaged", "policy", "env", "branch"),
)
# What the server and Railway's builders read (railpack.com/config/environment-variables).
OPERATIONAL = (
    "PORT",
    "WEB_CONCURRENCY",
    "RAILPACK_BUILD_CMD",
    "RAILPACK_DEPLOY_APT_PACKAGES",
    "RAILPACK_PACKAGES",
    "RAILPACK_PYTHON_VERSION",
    "RAILPACK_START_CMD",
)
SET_SETTINGS = (
    "Railway: set the variable DJANGO_SETTINGS_MODULE to {} on Railway, because later versions of "
    "the CLI leave all variables as they are there."
)
NO_SOURCE = (
    "Railway: set SOURCE in railway.py, because origin is not on GitHub: the repository that the "
    "services are deployed from, or None if `railway up` deploys them."
)
PLAN_FIRST = (
    "Railway: `railway config plan` lists what `railway config apply` would change. Do not apply a "
    "plan that deletes what you need: declare it in railway.py first. An existing project is best "
    "started with `railway config pull`, which writes its configuration to a file to compare with."
)


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return .railway/railway.py for *project*, or one converted from *options.existing*.

    Raises ConfigInvalid if the chosen builder cannot be used.
    """
    settings = None if options.existing else settings_module(project)
    origin = enclosing_github_repository(project.root)
    context = {
        "name": project_name(project),
        "partial": slug(project),
        "origin": origin,
        "directory": path_in_repository(project.root),
        "preserved": tuple(
            name for name in _preserved(project) if not settings or name != SETTINGS
        ),
    }
    notes = (PLAN_FIRST,) if origin else (PLAN_FIRST, NO_SOURCE)
    if options.existing:
        file = import_config(project, options.existing, context)
        return (replace(file, notes=(*file.notes, *notes)),)
    service = railway_service(project, options)
    processes = tuple(_processes(project, options, service))
    text = render(
        "railway-iac.py.jinja",
        service=service,
        settings=settings,
        processes=processes,
        resources=("web", *(variable for variable, _, _ in processes)),
        **context,
    )
    variables = (SET_SETTINGS.format(settings),) if settings else ()
    hosts = "Railway: ALLOWED_HOSTS needs the domain of the service."
    return (GeneratedFile(".railway/railway.py", text, notes=(*notes, *variables, hosts)),)


def _preserved(project: Project) -> tuple[str, ...]:
    """Return the variables whose values are set on Railway: those that the settings read, and more.

    One that is not set there stays so.
    """
    names = {variable.name for variable in project.variables} | {*OPERATIONAL, SETTINGS}
    if project.secret_key:
        names.add(project.secret_key.name)
    return tuple(sorted(names))


def _processes(
    project: Project, options: Options, service: RailwayService
) -> Iterator[tuple[str, Process, str]]:
    """Yield the variable, the process and the command of each other process.

    Images of a Dockerfile run commands without a shell.
    """
    used = set(RESERVED)
    for item in other_processes(project, options):
        variable = re.sub(r"\W", "_", item.name).lower()
        if variable in used or not variable.isidentifier() or iskeyword(variable):
            variable = f"process_{len(used)}"
        used.add(variable)
        is_image = service.builder == DOCKERFILE
        yield variable, item, without_shell(item.command) if is_image else item.command
