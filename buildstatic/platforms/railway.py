"""Railway: railway.json, and its successor .railway/railway.py, which say the same.

Neither of Railway's own builders collects static files, and the pre-deploy command runs in a
container whose files are thrown away (docs.railway.com/deployments/pre-deploy-command). So a
local tree is collected in the build or, before anything else, by the start command.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import steps
from buildstatic.platforms.git import repository
from buildstatic.platforms.options import Options
from buildstatic.project import Project
from buildstatic.templates import Generated, render

NAME = "railway"
USUAL = True

SUCCESSOR = (
    "Railway reads railway.json until 2026-12-01, and of new services not at all: "
    ".railway/railway.py is its successor (`railway config plan`, then `railway config apply`). "
    "A service cannot have both: take railway.json out when you apply."
)


@dataclass(frozen=True)
class Service:
    """How Railway builds and runs the service; *start* are steps of one command line."""

    builder: str
    build: str | None = None
    pre_deploy: str | None = None
    start: tuple[str, ...] = ()


def files(project: Project, options: Options) -> tuple[Generated, ...]:
    """Return railway.json and .railway/railway.py for *project*.

    Raises ConfigInvalid where the builder asked for cannot do it.
    """
    service = plan(project, options)
    origin = repository(project.root)
    text = render(
        "railway.py.jinja",
        service=service,
        origin=origin,
        settings=steps.settings_module(project),
        name=origin.name if origin else project.root.resolve().name or "site",
    )
    start = steps.chain(*service.start)
    return (
        Generated(
            "railway.json",
            render("railway.json", service=service, start=start),
            notes=(SUCCESSOR, *_notes(project, options, service)),
            serves=(start,) if start else (),
        ),
        Generated(".railway/railway.py", text),
    )


def plan(project: Project, options: Options) -> Service:
    """Return how Railway is to build and run *project*."""
    builder = options.builder or _usual_builder(project, options)
    if builder == "dockerfile":
        return _from_dockerfile(project, options)
    collect, migrate = steps.collect(project), steps.migrate(project)
    serve = f"exec {steps.serve(project, options)}"
    if steps.is_remote(project):
        return Service(builder.upper(), None, steps.chain(collect, migrate), (serve,))
    if options.chain == "build":
        return Service(builder.upper(), collect, migrate, (serve,))
    return Service(builder.upper(), start=(collect, migrate, serve))


def _usual_builder(project: Project, options: Options) -> str:
    dockerfile = options.dockerfile
    if dockerfile is None or dockerfile.cache_mounts:
        return "railpack"
    is_ready = dockerfile.static_stage or steps.is_remote(project)
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
    collect, migrate = steps.collect(project), steps.migrate(project)
    if steps.is_remote(project):
        return Service("DOCKERFILE", pre_deploy=_shell(steps.chain(collect, migrate)))
    if options.dockerfile.static_stage:
        return Service("DOCKERFILE", pre_deploy=migrate)
    if options.chain == "build":
        raise ConfigInvalid(
            "The Dockerfile has no static stage, and Railway runs no build command beside it.",
            "Use --builder railpack, or let buildstatic write it: "
            "buildstatic generate dockerfile railway --no-cache-mounts --force",
        )
    serve = f"exec {steps.serve(project, options)}"
    return Service("DOCKERFILE", start=(_shell(steps.chain(collect, migrate, serve)),))


def _shell(line: str) -> str:
    return shlex.join(("/bin/sh", "-c", line))


def _notes(project: Project, options: Options, service: Service) -> Iterator[str]:
    yield from _builder_notes(options, service)
    if len(service.start) > 1:
        yield (
            "Railway: every start collects and migrates. With several replicas, or where starts "
            "should be quick, use `--chain build`: it collects once and migrates once."
        )
    if steps.is_remote(project):
        yield (
            "Railway: static files are kept elsewhere, so they are collected once a deploy, with "
            "the migrations, not by every replica that starts."
        )
    module = steps.settings_module(project)
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
