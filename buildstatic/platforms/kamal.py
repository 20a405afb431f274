"""Kamal: config/deploy.yml, whose servers migrate when they start, one after the other.

Hooks cannot migrate: they run before Kamal uploads the variables of the first deployment to the
server (github.com/basecamp/kamal: lib/kamal/cli/main.rb, lib/kamal/cli/app/boot.rb). Kamal
evaluates the file as an ERB template, and passes commands to a shell on the server.
"""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.dockerfile.static_root import static_root_in_image
from buildstatic.platforms.commands import has_remote_storage, without_shell
from buildstatic.platforms.compose import DATABASES, PASSWORD, DatabaseService
from buildstatic.platforms.container import Container, container_warnings, read_container
from buildstatic.platforms.options import Options
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile, render

NAME = "kamal"
SUMMARY = "config/deploy.yml for Kamal"
IS_DEFAULT = False

FILE = "config/deploy.yml"


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the config/deploy.yml of *project*; raises ConfigInvalid without a Dockerfile."""
    container = read_container(project, options, NAME)
    provided = container.database
    database = None
    if provided is not None and (provided.url or provided.parts):
        database = DATABASES.get("postgis" if provided.has_gis else provided.engine)
    clear, secret = _variables(container, database)
    serve = without_shell(container.release_and_serve) if container.release else None
    text = render(
        "deploy.yml",
        serve=serve,
        name=container.name,
        port=container.port,
        health=project.health.value if project.health else None,
        assets=None if has_remote_storage(project) else static_root_in_image(project),
        clear=clear,
        secret=secret,
        volume=container.volume,
        processes=[
            (item.name, without_shell(item.command))
            for item in container.processes
            if not item.schedule
        ],
        database=database,
        password=PASSWORD,
    )
    return (
        GeneratedFile(
            FILE,
            text.replace("<%", "<%%"),
            notes=tuple(_notes(project, container, database, secret)),
            warnings=(*container_warnings(project, container), *_warnings(project, container)),
            serves=(serve,) if serve else (),
        ),
    )


def _variables(
    container: Container, database: DatabaseService | None
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the variables with known values, and those whose values are in .kamal/secrets."""
    clear = dict(container.fixed)
    if database is None or container.connection is None or container.connection.url:
        return clear, container.secrets
    secret = [*((container.secret_key,) if container.secret_key else ()), *container.required]
    values = {
        "HOST": f"{container.name}-database",
        "PORT": str(database.port),
        "NAME": "django",
        "USER": "django",
    }
    for part, name in container.connection.parts.items():
        if part in values:
            clear[name] = values[part]
        else:
            secret.append(f"{name}:{PASSWORD}")  # kamal-deploy.org/docs/configuration/environment
    return clear, tuple(secret)


def _warnings(project: Project, container: Container) -> Iterator[str]:
    if project.health is None:
        yield (
            "Kamal: kamal-proxy waits until /up responds with 200, and the project has no health "
            "check. Add one, such as the URL healthz/, or the deployment fails."
        )
    for process in container.processes:
        if process.schedule:
            yield f"Kamal: it cannot schedule {process.name}; run it from cron on the server."


def _notes(
    project: Project,
    container: Container,
    database: DatabaseService | None,
    secret: tuple[str, ...],
) -> Iterator[str]:
    yield f"Kamal: replace 192.0.2.1 and {container.name}.example.org in {FILE} by your own."
    url = container.connection.url if container.connection else None
    lines = {name: f"{name}=${name}" for name in (item.rpartition(":")[2] for item in secret)}
    if database:
        lines[PASSWORD] = f"{PASSWORD}=${PASSWORD}"
    if database and url:
        address = f"django:${PASSWORD}@{container.name}-database:{database.port}/django"
        # The password has to be defined before the URL that contains it.
        lines.pop(url, None)
        lines[url] = f"{url}={database.scheme}://{address}"
    if lines:
        yield f"Kamal: add these lines to .kamal/secrets: `{'`, `'.join(lines.values())}`."
    yield f"Kamal: ALLOWED_HOSTS needs {container.name}.example.org."
    if project.health:
        yield (
            "Kamal: the host name of the health check is the id of the container. Respond to it "
            'before ALLOWED_HOSTS is checked, or set that to "*": kamal-proxy forwards requests '
            "for its own hosts only."
        )
