"""Google Cloud Run: a service, and a job that migrates before it is replaced.

The fields are documented at docs.cloud.google.com/run/docs/reference/yaml/v1. Cloud Run sets PORT,
which a service must not. Files are kept in memory, so an SQLite database is lost with each instance
(docs.cloud.google.com/run/docs/container-contract).
"""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.platforms.commands import dns_label, to_argv
from buildstatic.platforms.container import Container, container_warnings, read_container
from buildstatic.platforms.options import Options
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile, render

NAME = "cloud-run"
SUMMARY = "cloud-run/*.yaml for Google Cloud Run: a service, and a job that migrates"
IS_DEFAULT = False

SERVICE, JOB = "cloud-run/service.yaml", "cloud-run/migrate.yaml"
CLOUD_SQL = ("postgresql", "mysql")


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the service of *project*, and a job if there is something to do once per deployment.

    Raises ConfigInvalid without a Dockerfile.
    """
    container = read_container(project, options, NAME)
    name = dns_label(container.name, 41)  # 49 characters, with "-migrate"
    is_lost = container.volume is not None
    serve = container.release_and_serve if is_lost and container.release else None
    job = None if is_lost else container.release
    context = {
        "name": name,
        "port": container.port,
        "values": container.fixed,
        "secrets": container.secrets,
        "cloud_sql": container.connection is not None and container.connection.engine in CLOUD_SQL,
    }
    service = GeneratedFile(
        SERVICE,
        render("cloud-run.yaml", job=False, command=to_argv(serve) if serve else None, **context),
        notes=tuple(_notes(container, name, has_job=job is not None)),
        warnings=(*container_warnings(project, container), *_warnings(container)),
        serves=(serve,) if serve else (),
    )
    if job is None:
        return (service,)
    return service, GeneratedFile(
        JOB, render("cloud-run.yaml", job=True, command=to_argv(job), **context)
    )


def _warnings(container: Container) -> Iterator[str]:
    if container.volume:
        yield (
            "Cloud Run: the SQLite database is lost with each instance, and instances do not share "
            "it. Use PostgreSQL."
        )
    for process in container.processes:
        if process.schedule:
            yield (
                f"Cloud Run: {process.name} is left out. Add a job for it, and a schedule with "
                "Cloud Scheduler."
            )
        else:
            yield f"Cloud Run: {process.name} is left out. Add a worker pool for it."


def _notes(container: Container, name: str, *, has_job: bool) -> Iterator[str]:
    files = f"{SERVICE} and {JOB}" if has_job else SERVICE
    yield f"Cloud Run: replace REGISTRY, PROJECT, REPOSITORY and REGION in {files} by your own."
    if names := container.secrets:
        secrets = ", ".join(f"{name}-{variable}" for variable in names)
        yield f"Cloud Run: create the secrets in Secret Manager: {secrets}."
    if has_job:
        yield (
            f"Cloud Run: migrate before each deployment: `gcloud run jobs replace {JOB}`, `gcloud "
            f"run jobs execute {name}-migrate --wait`, `gcloud run services replace {SERVICE}`."
        )
    yield (
        f"Cloud Run: ALLOWED_HOSTS needs the host name of the service, {name}-PROJECT_NUMBER.REGION"
        ".run.app, and your own domains."
    )
