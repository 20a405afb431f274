"""Fly: fly.toml, which builds the Dockerfile and migrates in a temporary machine.

That machine has no volumes (fly.io/docs/reference/configuration, "release_command"), so with SQLite
the start command migrates. ``[[statics]]`` bypasses the application and its compressed variants, so
it is only for projects whose application does not serve static files.
"""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.dockerfile.static_root import static_root_in_image
from buildstatic.platforms.commands import has_remote_storage, without_shell
from buildstatic.platforms.container import Container, container_warnings, read_container
from buildstatic.platforms.options import Options
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile, render

NAME = "fly"
SUMMARY = "fly.toml for Fly"
IS_DEFAULT = False

APP = "app"  # Fly's name for the server process


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the fly.toml of *project*; raises ConfigInvalid without a Dockerfile."""
    container = read_container(project, options, NAME)
    release = None
    if container.volume:
        processes = {APP: without_shell(container.release_and_serve)}
    else:
        release = without_shell(container.release) if container.release else None
        others = [item for item in container.processes if not item.schedule]
        processes = {APP: without_shell(container.serve)} if others else {}
        processes |= {item.name: without_shell(item.command) for item in others}
    storage = project.storage.value if project.storage else ""
    app_serves = bool(project.whitenoise) or storage.startswith(("whitenoise.", "servestatic."))
    url = project.static_url.value if project.static_url else ""
    fly_serves = not app_serves and not has_remote_storage(project) and url.startswith("/")
    text = render(
        "fly.toml",
        container=container,
        release=release,
        processes=processes,
        health=project.health.value if project.health else None,
        served=app_serves,
        statics=(static_root_in_image(project), url) if fly_serves else None,
    )
    return (
        GeneratedFile(
            "fly.toml",
            text,
            notes=tuple(_notes(project, container)),
            warnings=(*container_warnings(project, container), *_warnings(container)),
            serves=(processes[APP],) if processes else (),
        ),
    )


def _warnings(container: Container) -> Iterator[str]:
    if container.volume and container.processes:
        names = ", ".join(item.name for item in container.processes)
        yield (
            f"Fly: only one machine can use a volume, so {names} cannot share the SQLite database "
            "and is left out. Use PostgreSQL to share it."
        )
    for process in container.processes:
        if process.schedule and not container.volume:
            yield f"Fly: fly.toml cannot schedule {process.name}; run it in a scheduled machine."
        if process.name == APP:
            yield f"Fly: {APP} is the name of the server process. Rename the other one."


def _notes(project: Project, container: Container) -> Iterator[str]:
    connection = container.database
    is_attached = connection and connection.engine == "postgresql" and connection.url
    names = [
        *((container.secret_key,) if container.secret_key else ()),
        *container.required,
        *(() if is_attached else container.database_variables),
    ]
    if names:
        yield f"Fly: set the secrets: `fly secrets set {' '.join(f'{name}=…' for name in names)}`."
    if connection and is_attached:  # fly.io/docs/flyctl/mpg-attach
        create = "fly mpg create" + (" --enable-postgis-support" if connection.has_gis else "")
        yield (
            f"Fly: create a database, `{create}`, and attach it, which sets its URL: "
            f"`fly mpg attach CLUSTER_ID --variable-name {is_attached}`."
        )
    elif container.database_variables:
        variables = ", ".join(container.database_variables)
        yield f"Fly: create a database and set {variables} to point to it."
    used = ", which the health check uses," if project.health else ""
    yield f"Fly: ALLOWED_HOSTS needs {container.name}.fly.dev{used} and your own domains."
    if container.volume:
        yield (
            "Fly: only one machine can use a volume, so run one: `fly scale count 1`. If the "
            "volume belongs to root, change its owner to the user of the image, 10001."
        )
