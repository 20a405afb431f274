"""Kubernetes: kubernetes.yaml, with the server, its migrations and the other processes.

A Job migrates once per deployment, and an init container keeps new replicas from serving before
that. A volume of SQLite can only be mounted on one node, so there the init container of the one
replica migrates (kubernetes.io/docs/concepts/storage/persistent-volumes, "Access Modes"). In
commands and variables Kubernetes replaces ``$(NAME)``, and ``$$`` is a literal ``$``
(kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from buildstatic.dockerfile.assets import url_prefix
from buildstatic.platforms.commands import dns_label, to_argv
from buildstatic.platforms.container import Container, container_warnings, read_container
from buildstatic.platforms.options import Options
from buildstatic.platforms.server import operand
from buildstatic.project import Process, Project
from buildstatic.templates import GeneratedFile, render

NAME = "kubernetes"
SUMMARY = "kubernetes.yaml: Deployment, Service and migration Job"
IS_DEFAULT = False

FILE = "kubernetes.yaml"
RESERVED = ("web", "migrate", "assets")


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the kubernetes.yaml of *project*; raises ConfigInvalid without a Dockerfile."""
    container = read_container(project, options, NAME)
    name = dns_label(container.name, 30)
    release = container.release
    # With a volume there is one replica, which can migrate; else a Job does, and replicas wait.
    job = release if release and not container.volume else None
    manage = shlex.quote(operand(project.manage.value))
    wait = f"until python {manage} migrate --check; do sleep 2; done"
    has_assets = options.dockerfile is not None and options.dockerfile.assets
    text = render(
        "kubernetes.yaml",
        assets=url_prefix(project) if has_assets else None,
        name=name,
        port=container.port,
        job=_argv(job) if job else None,
        before=_argv(wait if job else release) if release else None,
        environment=[(key, _escape(value)) for key, value in container.fixed.items()],
        secret=bool(container.secrets),
        volume=container.volume,
        health=project.health.value if project.health else None,
        processes=[
            (_process_name(name, item), _argv(item.command), item.schedule)
            for item in _processes(container)
        ],
    )
    return (
        GeneratedFile(
            FILE,
            text,
            notes=(
                *_notes(project, container, name, has_job=job is not None),
                *((_assets_note(project, name),) if has_assets else ()),
            ),
            warnings=(*container_warnings(project, container), *_warnings(container)),
        ),
    )


def _processes(container: Container) -> tuple[Process, ...]:
    """Return the other processes; none if the database is on the volume of the server."""
    return () if container.volume else container.processes


def _process_name(name: str, process: Process) -> str:
    """Return the component of *process*, for a label and for the names of its resources."""
    # A CronJob's name has at most 52 characters, of which "-process" may be eight.
    component = dns_label(process.name, 52 - len(name) - 9)
    return f"{component}-process" if component in RESERVED else component


def _warnings(container: Container) -> Iterator[str]:
    if container.volume and container.processes:
        names = ", ".join(item.name for item in container.processes)
        yield (
            f"Kubernetes: only one pod can use the volume, so {names} cannot share the SQLite "
            "database and is left out. Use PostgreSQL to share it."
        )


def _notes(project: Project, container: Container, name: str, *, has_job: bool) -> Iterator[str]:
    yield f"Kubernetes: replace the image {name}:latest in {FILE} by the one in your registry."
    if names := container.secrets:
        literals = " ".join(f"--from-literal={key}=…" for key in names)
        yield f"Kubernetes: create the secret: `kubectl create secret generic {name} {literals}`."
    if has_job:
        yield (
            "Kubernetes: a Job cannot be changed, so delete it before each deployment: "
            f"`kubectl delete job {name}-migrate --ignore-not-found`."
        )
    used = ", and localhost for the readiness probe" if project.health else ""
    yield f"Kubernetes: ALLOWED_HOSTS needs the domains of the site{used}."


def _assets_note(project: Project, name: str) -> str:
    return (
        f"Kubernetes: the static files are in the image {name}-assets:latest: `buildstatic build "
        f"--target assets`. Route {url_prefix(project)} to the Service {name}-assets."
    )


def _argv(command: str) -> list[str]:
    return [_escape(word) for word in to_argv(command)]


def _escape(text: str) -> str:
    return text.replace("$", "$$")
