"""Railway: railway.json, and its successor .railway/railway.py, which say the same.

Neither of Railway's own builders collects static files, and the pre-deploy command runs in a
container whose files are thrown away (docs.railway.com/deployments/pre-deploy-command). So a
local tree is collected in the build or, before anything else, by the start command.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from keyword import iskeyword

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import commands
from buildstatic.platforms.gitignore import escaped
from buildstatic.platforms.options import Options
from buildstatic.platforms.railway_import import migrated
from buildstatic.platforms.repository import place, repository_of
from buildstatic.project import Process, Project
from buildstatic.templates import GeneratedFile, render

NAME = "railway"
IS_DEFAULT = True

SUCCESSOR = (
    "Railway reads railway.json until 2026-12-01, and of new services not at all: "
    ".railway/railway.py is its successor (`railway config plan`, then `railway config apply`). "
    "A service cannot have both: take railway.json out when you apply."
)


@dataclass(frozen=True)
class Service:
    """How Railway builds and runs the service; *start* are steps of one command line.

    *health* is the path of its health check; *watch* the pattern of what has to change for it to
    be deployed, where that is not everything.
    """

    builder: str
    build: str | None = None
    pre_deploy: str | None = None
    start: tuple[str, ...] = ()
    health: str | None = None
    watch: str | None = None


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return railway.json and .railway/railway.py for *project*.

    Raises ConfigInvalid where the builder asked for cannot do it.
    """
    if options.existing:
        return (migrated(project, commands.name(project), options.existing),)
    service = plan(project, options)
    start = commands.chain(*service.start)
    processes = tuple(_processes(project, options, service))
    text = render(
        "railway.py.jinja",
        service=service,
        origin=repository_of(project.root),
        directory=place(project.root),
        settings=commands.settings_module(project),
        name=commands.name(project),
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
    project: Project, options: Options, service: Service
) -> Iterator[tuple[str, Process, str]]:
    """Yield what runs beside the web: a variable for it, and its command as the builder takes it.

    Beside a Dockerfile no shell reads a command.
    """
    taken = {"web", "ctx", "project", "service", "github"}
    for item in commands.processes(project, options):
        variable = re.sub(r"\W", "_", item.name).lower()
        if variable in taken or not variable.isidentifier() or iskeyword(variable):
            variable = f"process_{len(taken)}"
        taken.add(variable)
        is_split = service.builder == "DOCKERFILE"
        yield variable, item, commands.unshelled(item.command) if is_split else item.command


def plan(project: Project, options: Options) -> Service:
    """Return how Railway is to build and run *project*."""
    directory = place(project.root)
    return replace(
        _plan(project, options),
        health=project.health.value if project.health else None,
        # Patterns are .gitignore's, from the top of the repository
        # (docs.railway.com/guides/build-configuration, "Configure watch paths").
        watch=f"/{escaped(directory)}/**" if directory else None,
    )


def _plan(project: Project, options: Options) -> Service:
    builder = options.builder or _usual_builder(project, options)
    if builder == "dockerfile":
        return _from_dockerfile(project, options)
    collect, migrations = commands.collect(project), commands.migrations(project)
    serve = f"exec {commands.serve(project, options)}"
    if commands.is_remote(project):
        return Service(builder.upper(), None, commands.chain(collect, *migrations), (serve,))
    if options.chain == "build":
        return Service(builder.upper(), collect, commands.chain(*migrations) or None, (serve,))
    return Service(builder.upper(), start=(collect, *migrations, serve))


def _usual_builder(project: Project, options: Options) -> str:
    dockerfile = options.dockerfile
    if dockerfile is None or dockerfile.cache_mounts:
        return "railpack"
    is_ready = dockerfile.static_stage or commands.is_remote(project)
    return "dockerfile" if is_ready else "railpack"


def _from_dockerfile(project: Project, options: Options) -> Service:
    """Return the plan for a Dockerfile: its CMD serves, and no build command is run.

    Commands are not given to a shell (docs.railway.com/deployments/start-command).
    """
    if options.dockerfile is None:
        raise ConfigInvalid(
            "Railway is to build with a Dockerfile, and the project has none.",
            "Write it, too: buildstatic generate dockerfile railway --no-cache-mounts",
        )
    collect, migrations = commands.collect(project), commands.migrations(project)
    if commands.is_remote(project):
        return Service("DOCKERFILE", pre_deploy=_shell(commands.chain(collect, *migrations)))
    if options.dockerfile.static_stage:
        return Service("DOCKERFILE", pre_deploy=commands.chain(*migrations) or None)
    if options.chain == "build":
        raise ConfigInvalid(
            "The Dockerfile has no static stage, and Railway runs no build command beside it.",
            "Use --builder railpack, or let buildstatic write it: "
            "buildstatic generate dockerfile railway --no-cache-mounts --force",
        )
    serve = f"exec {commands.serve(project, options)}"
    return Service("DOCKERFILE", start=(_shell(commands.chain(collect, *migrations, serve)),))


def _shell(line: str) -> str:
    return shlex.join(("/bin/sh", "-c", line))


def _notes(project: Project, options: Options, service: Service) -> Iterator[str]:
    yield from _builder_notes(options, service)
    if len(service.start) > 1:
        yield (
            "Railway: every start collects and migrates. With several replicas, or where starts "
            "should be quick, use `--chain build`: it collects once and migrates once."
        )
    if commands.is_remote(project):
        yield (
            "Railway: static files are kept elsewhere, so they are collected once a deploy, with "
            "the migrations, not by every replica that starts."
        )
    if service.health:
        yield (
            "Railway: the health check asks with the host name healthcheck.railway.app, which has "
            "to be in ALLOWED_HOSTS."
        )
    if service.watch:
        yield (
            "Railway: railway.json cannot name the service's root directory, railway.py does; set "
            f"it to /{place(project.root)}."
        )
    if commands.processes(project, options):
        yield (
            "Railway: railway.json is the web's alone; what runs beside it is in railway.py, as no "
            "new service can have a railway.json."
        )
    module = commands.settings_module(project)
    if module is not None:
        yield (
            "Railway: railway.json cannot name the settings, "
            f"`railway variable set DJANGO_SETTINGS_MODULE={module}` does; railway.py has it."
        )
    if service.builder != "DOCKERFILE" and project.frontend and project.frontend.value.build:
        yield (
            "Railway: its Python builders do not run the front-end build; the Dockerfile does "
            "(`--no-cache-mounts --builder dockerfile`)."
        )


def _builder_notes(options: Options, service: Service) -> Iterator[str]:
    if service.builder == "NIXPACKS":
        yield "Railway: Nixpacks is deprecated; Railpack is its successor (`--builder railpack`)."
    dockerfile = options.dockerfile
    if dockerfile is None:
        return
    if dockerfile.cache_mounts:
        yield (
            "Railway: it builds with a Dockerfile wherever it finds one, and refuses this one for "
            "its cache mounts. `buildstatic generate --no-cache-mounts` writes one that it takes, "
            "and a railway.json to go with it; or keep the Dockerfile out of what Railway gets."
        )
    elif service.builder != "DOCKERFILE":
        yield (
            f"Railway: it builds with a Dockerfile wherever it finds one, so {service.builder} "
            "needs the Dockerfile kept out of what Railway gets."
        )
