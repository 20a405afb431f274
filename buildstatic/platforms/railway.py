"""Railway: railpack.json, which its builder Railpack reads, or a railway.json that exists already.

Railpack does not collect static files, and a pre-deploy command runs in a container whose files are
discarded (docs.railway.com/deployments/pre-deploy-command). Local static files are therefore
collected at the beginning of the start command, or in a step of the build whose output is a layer
of its own (github.com/railwayapp/railpack, docs: "Configuration File" and "Adding Steps"). With a
Dockerfile in the root Railway does not use Railpack (docs.railway.com/builds/dockerfiles).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms.commands import (
    collect_command,
    has_remote_storage,
    join_commands,
    migrate_commands,
    other_processes,
    settings_module,
    sqlite_note,
)
from buildstatic.platforms.gitignore import escape
from buildstatic.platforms.options import Options
from buildstatic.platforms.repository import path_in_repository
from buildstatic.platforms.server import serve_command
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile, render

NAME = "railway"
SUMMARY = "railpack.json for Railway without a Dockerfile"
IS_DEFAULT = True

RAILPACK, DOCKERFILE = "RAILPACK", "DOCKERFILE"
FILE, LEGACY_FILE = "railpack.json", "railway.json"
LEGACY = (
    "Railway reads railway.json until 2026-12-01, and ignores it for new services. Railpack reads "
    "railpack.json (`buildstatic generate railway`), and the settings of the service hold the rest."
)


@dataclass(frozen=True)
class RailwayService:
    """How Railway builds and runs a service.

    *collect* is the command that collects in the build, *start* are the steps of the start command.
    *health* is the path of the health check, *watch* the pattern of the files whose changes cause a
    deployment, None for all files.
    """

    builder: str
    collect: str | None = None
    pre_deploy: str | None = None
    start: tuple[str, ...] = ()
    health: str | None = None
    watch: str | None = None


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return railpack.json for *project*, or railway.json if *options* ask for it.

    There is no file for a service with a Dockerfile: `notes` says what to set on Railway. Raises
    ConfigInvalid if the chosen builder cannot be used.
    """
    service = railway_service(project, options)
    start = join_commands(*_start_steps(service, options))
    serves = (start,) if start else ()
    if options.legacy:
        text = render("railway.json", service=service, start=start)
        return (GeneratedFile(LEGACY_FILE, text, serves=serves),)
    if service.builder == DOCKERFILE:
        return ()
    is_installed = service.collect and "buildstatic" in project.packages
    text = render(
        "railpack.json",
        collect="buildstatic collect --noinput" if is_installed else service.collect,
        # A step of its own, whose output is a separate layer; if the tree is not known, the build.
        tree=project.static_root.value if project.static_root else None,
        settings=settings_module(project),
        start=start,
    )
    return (GeneratedFile(FILE, text, serves=serves),)


def railway_service(project: Project, options: Options) -> RailwayService:
    """Return the web service of *project*; raises ConfigInvalid if its builder cannot be used."""
    builder = options.builder or ("railpack" if options.dockerfile is None else "dockerfile")
    if builder == "dockerfile":
        service = _dockerfile_service(project, options)
    else:
        service = _railpack_service(project, options)
    directory = path_in_repository(project.root)
    return replace(
        service,
        health=project.health.value if project.health else None,
        # A .gitignore pattern from the root of the repository
        # (docs.railway.com/guides/build-configuration, "Configure watch paths").
        watch=f"/{escape(directory)}/**" if directory else None,
    )


def _railpack_service(project: Project, options: Options) -> RailwayService:
    collect, (once, each) = collect_command(project), _migrations(project)
    serve = f"exec {serve_command(project, options.server)}"
    if has_remote_storage(project):
        return RailwayService(RAILPACK, None, join_commands(collect, *once), (*each, serve))
    if options.chain == "build":
        return RailwayService(RAILPACK, collect, join_commands(*once) or None, (*each, serve))
    return RailwayService(RAILPACK, start=(collect, *once, *each, serve))


def _dockerfile_service(project: Project, options: Options) -> RailwayService:
    """Return the service of a Dockerfile: its CMD serves, and no build command runs.

    Commands run without a shell (docs.railway.com/deployments/start-command).
    """
    if options.dockerfile is None:
        raise ConfigInvalid(
            "The Railway builder is dockerfile, but the project has no Dockerfile.",
            "Generate it as well: buildstatic generate dockerfile railway",
        )
    collect, (once, each) = collect_command(project), _migrations(project)
    serve = f"exec {serve_command(project, options.server)}"
    start = (_in_shell(join_commands(*each, serve)),) if each else ()
    if has_remote_storage(project):
        pre_deploy = _in_shell(join_commands(collect, *once))
        return RailwayService(DOCKERFILE, pre_deploy=pre_deploy, start=start)
    if options.dockerfile.static_stage:
        return RailwayService(DOCKERFILE, pre_deploy=join_commands(*once) or None, start=start)
    if options.chain == "build":
        raise ConfigInvalid(
            "The Dockerfile has no static stage, and Railway runs no build command for it.",
            "Use --builder railpack, or generate the Dockerfile: "
            "buildstatic generate dockerfile railway --force",
        )
    command = join_commands(collect, *once, *each, serve)
    return RailwayService(DOCKERFILE, start=(_in_shell(command),))


def _migrations(project: Project) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the commands that migrate once per deployment, and those of each start.

    The files of a pre-deploy command are discarded, and an SQLite database is one of them.
    """
    migrate = migrate_commands(project)
    return ((), migrate) if any(sqlite_note(project)) else (migrate, ())


def _in_shell(command: str) -> str:
    return shlex.join(("/bin/sh", "-c", command))


def _start_steps(service: RailwayService, options: Options) -> tuple[str, ...]:
    """Return the steps of the start command.

    railpack.json cannot hold a pre-deploy command: it is the first step, unless `--chain build`
    asks to do once what can be done once.
    """
    is_first = service.builder == RAILPACK and options.chain == "start" and not options.legacy
    return (
        (service.pre_deploy, *service.start) if is_first and service.pre_deploy else service.start
    )


def notes(project: Project, options: Options) -> Iterator[str]:
    """Yield what has to be set on Railway, because no file of the repository holds it."""
    service = railway_service(project, options)
    if options.legacy:
        yield LEGACY
    if options.dockerfile is not None:
        yield from _dockerfile_notes(options, service)
    if settings := ", ".join(_settings(project, options, service)):
        yield f"Railway: in the settings of the service, set {settings}."
    if service.builder == RAILPACK:
        if options.chain == "start" and len(_start_steps(service, options)) > 1:
            yield (
                "Railway: every start collects and migrates. With several replicas, or for faster "
                "starts, use `--chain build`, which collects and migrates once per deployment."
            )
        if any(frontend.value.build for frontend in project.frontends):
            yield (
                "Railway: Railpack's Python provider does not run the front-end build. Use the "
                "Dockerfile, which does: buildstatic generate dockerfile railway"
            )
    if has_remote_storage(project) and _start_steps(service, options) == service.start:
        yield (
            "Railway: static files are stored remotely, so they are collected once per deployment "
            "with the migrations, not by every replica."
        )
    health = ", and healthcheck.railway.app for the health check" if service.health else ""
    yield f"Railway: ALLOWED_HOSTS needs the domain of the service{health}."
    if names := ", ".join(process.name for process in other_processes(project, options)):
        yield (
            f"Railway: a service runs one process. Add one for each of {names}, with its own start "
            "command, or generate .railway/railway.py: buildstatic generate railway-iac"
        )
    yield from sqlite_note(project)


def _dockerfile_notes(options: Options, service: RailwayService) -> Iterator[str]:
    if service.builder == RAILPACK:
        yield (
            "Railway: it always builds with a Dockerfile if it finds one. For Railpack, exclude "
            "the Dockerfile from the deployment."
        )
    elif options.dockerfile is not None and options.dockerfile.cache_mounts:
        yield (
            "Railway: it rejects the cache mounts of the Dockerfile. Generate it without them: "
            "buildstatic generate dockerfile --no-cache-mounts --force"
        )
    else:
        yield "Railway: it builds with the Dockerfile, and needs no file of its own."


def _settings(project: Project, options: Options, service: RailwayService) -> Iterator[str]:
    """Yield the settings that neither railpack.json nor a Dockerfile can hold."""
    directory = path_in_repository(project.root)
    if directory:
        yield f"the root directory to /{directory}"
    if options.legacy:
        if module := settings_module(project):
            yield f"the variable DJANGO_SETTINGS_MODULE to {module}"
        return
    if service.pre_deploy and _start_steps(service, options) == service.start:
        yield f"the pre-deploy command to `{service.pre_deploy}`"
    if service.builder == DOCKERFILE and service.start:
        yield f"the start command to `{service.start[0]}`"
    if service.health:
        yield f"the health check path to {service.health}"
