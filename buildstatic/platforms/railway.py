"""Railway: railway.json, and its successor .railway/railway.py, with the same settings.

Railway's own builders do not collect static files, and a pre-deploy command runs in a container
whose files are discarded (docs.railway.com/deployments/pre-deploy-command). Local static files are
therefore collected in the build or at the beginning of the start command.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from keyword import iskeyword

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms.commands import (
    collect_command,
    has_remote_storage,
    join_commands,
    migrate_commands,
    other_processes,
    project_name,
    release_command,
    settings_module,
    without_shell,
)
from buildstatic.platforms.gitignore import escape
from buildstatic.platforms.options import Options
from buildstatic.platforms.railway_import import import_config
from buildstatic.platforms.repository import enclosing_github_repository, path_in_repository
from buildstatic.platforms.server import serve_command
from buildstatic.project import Process, Project
from buildstatic.templates import GeneratedFile, render

NAME = "railway"
IS_DEFAULT = True

SUCCESSOR = (
    "Railway reads railway.json until 2026-12-01, and ignores it for new services. Use its "
    "successor .railway/railway.py: `railway config plan`, then `railway config apply`. A service "
    "cannot have both: delete railway.json when you apply."
)


@dataclass(frozen=True)
class RailwayService:
    """How Railway builds and runs a service.

    *start* are the steps of the start command, *health* is the path of the health check, *watch*
    the pattern of the files whose changes cause a deployment, None for all files.
    """

    builder: str
    build: str | None = None
    pre_deploy: str | None = None
    start: tuple[str, ...] = ()
    health: str | None = None
    watch: str | None = None


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return railway.json and .railway/railway.py for *project*.

    Raises ConfigInvalid if the chosen builder cannot be used.
    """
    if options.existing:
        return (import_config(project, project_name(project), options.existing),)
    directory = path_in_repository(project.root)
    service = replace(
        _service(project, options),
        health=project.health.value if project.health else None,
        # A .gitignore pattern from the root of the repository
        # (docs.railway.com/guides/build-configuration, "Configure watch paths").
        watch=f"/{escape(directory)}/**" if directory else None,
    )
    start = join_commands(*service.start)
    processes = tuple(_processes(project, options, service))
    text = render(
        "railway.py.jinja",
        service=service,
        origin=enclosing_github_repository(project.root),
        directory=directory,
        settings=settings_module(project),
        name=project_name(project),
        processes=processes,
        resources=("web", *(variable for variable, _, _ in processes)),
    )
    return (
        GeneratedFile(
            "railway.json",
            render("railway.json", service=service, start=start),
            notes=(SUCCESSOR, *_notes(project, options, service)),
            serves=(start,) if start else (),
        ),
        GeneratedFile(".railway/railway.py", text),
    )


def _processes(
    project: Project, options: Options, service: RailwayService
) -> Iterator[tuple[str, Process, str]]:
    """Yield the variable, the process and the command of each other process.

    Images of a Dockerfile run commands without a shell.
    """
    used = {"web", "ctx", "project", "service", "github"}
    for item in other_processes(project, options):
        variable = re.sub(r"\W", "_", item.name).lower()
        if variable in used or not variable.isidentifier() or iskeyword(variable):
            variable = f"process_{len(used)}"
        used.add(variable)
        is_image = service.builder == "DOCKERFILE"
        yield variable, item, without_shell(item.command) if is_image else item.command


def _service(project: Project, options: Options) -> RailwayService:
    dockerfile = options.dockerfile
    collects = dockerfile is not None and (dockerfile.static_stage or has_remote_storage(project))
    usable = dockerfile is not None and collects and not dockerfile.cache_mounts
    builder = options.builder or ("dockerfile" if usable else "railpack")
    if builder == "dockerfile":
        return _dockerfile_service(project, options)
    collect, migrate = collect_command(project), migrate_commands(project)
    serve = f"exec {serve_command(project, options.server)}"
    if has_remote_storage(project):
        return RailwayService(builder.upper(), None, release_command(project), (serve,))
    if options.chain == "build":
        return RailwayService(builder.upper(), collect, join_commands(*migrate) or None, (serve,))
    return RailwayService(builder.upper(), start=(collect, *migrate, serve))


def _dockerfile_service(project: Project, options: Options) -> RailwayService:
    """Return the service of a Dockerfile: its CMD serves, and no build command runs.

    Commands run without a shell (docs.railway.com/deployments/start-command).
    """
    if options.dockerfile is None:
        raise ConfigInvalid(
            "The Railway builder is dockerfile, but the project has no Dockerfile.",
            "Generate it as well: buildstatic generate dockerfile railway --no-cache-mounts",
        )
    migrate = migrate_commands(project)
    if has_remote_storage(project):
        return RailwayService("DOCKERFILE", pre_deploy=_in_shell(release_command(project) or ""))
    if options.dockerfile.static_stage:
        return RailwayService("DOCKERFILE", pre_deploy=join_commands(*migrate) or None)
    if options.chain == "build":
        raise ConfigInvalid(
            "The Dockerfile has no static stage, and Railway runs no build command for it.",
            "Use --builder railpack, or generate the Dockerfile: "
            "buildstatic generate dockerfile railway --no-cache-mounts --force",
        )
    serve = f"exec {serve_command(project, options.server)}"
    start = join_commands(collect_command(project), *migrate, serve)
    return RailwayService("DOCKERFILE", start=(_in_shell(start),))


def _in_shell(command: str) -> str:
    return shlex.join(("/bin/sh", "-c", command))


def _notes(project: Project, options: Options, service: RailwayService) -> Iterator[str]:
    if service.builder == "NIXPACKS":
        yield "Railway: Nixpacks is deprecated. Use Railpack: `--builder railpack`."
    if options.dockerfile is not None and options.dockerfile.cache_mounts:
        yield (
            "Railway: it always builds with a Dockerfile if it finds one, and rejects the cache "
            "mounts of this one. Run `buildstatic generate --no-cache-mounts`, which also writes a "
            "matching railway.json, or exclude the Dockerfile from the deployment."
        )
    elif options.dockerfile is not None and service.builder != "DOCKERFILE":
        yield (
            "Railway: it always builds with a Dockerfile if it finds one. To use "
            f"{service.builder}, exclude the Dockerfile from the deployment."
        )
    if len(service.start) > 1:
        yield (
            "Railway: every start collects and migrates. With several replicas, or for faster "
            "starts, use `--chain build`, which collects and migrates once per deployment."
        )
    if has_remote_storage(project):
        yield (
            "Railway: static files are stored remotely, so they are collected once per deployment "
            "with the migrations, not by every replica."
        )
    if service.health:
        yield (
            "Railway: the health check uses the host name healthcheck.railway.app. Add it to "
            "ALLOWED_HOSTS."
        )
    if service.watch:
        yield (
            "Railway: railway.json cannot set the root directory of the service, railway.py does. "
            f"Set it to /{path_in_repository(project.root)}."
        )
    if other_processes(project, options):
        yield (
            "Railway: railway.json configures web only; the other processes are in railway.py, "
            "because new services cannot use a railway.json."
        )
    module = settings_module(project)
    if module is not None:
        yield (
            "Railway: railway.json cannot set the settings module, railway.py does. Run "
            f"`railway variable set DJANGO_SETTINGS_MODULE={module}`."
        )
    is_built = any(frontend.value.build for frontend in project.frontends)
    if service.builder != "DOCKERFILE" and is_built:
        yield (
            "Railway: its Python builders do not run the front-end build. Use the Dockerfile, "
            "which does: `--no-cache-mounts --builder dockerfile`."
        )
