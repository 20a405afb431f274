"""Fly: fly.toml, which builds the Dockerfile and migrates in a machine of its own.

That machine has no volumes (fly.io/docs/reference/configuration, "release_command"): with SQLite,
the start command migrates. ``[[statics]]`` would serve the files past the application, without
their compressed variants, so it is only for projects whose application does not serve them.
"""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.platforms import commands
from buildstatic.platforms.container import Container, container, tree, warnings
from buildstatic.platforms.options import Options
from buildstatic.project import Connection, Project
from buildstatic.templates import GeneratedFile, render

NAME = "fly"
IS_DEFAULT = False

APP = "app"


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the fly.toml of *project*; raises ConfigInvalid without a Dockerfile."""
    made = container(project, options, NAME)
    beside = {} if made.volume else {i.name: i.command for i in made.processes if not i.schedule}
    web = made.served if made.volume else made.serve
    lines = {APP: web, **beside} if beside or made.volume else {}
    processes = {name: commands.unshelled(command) for name, command in lines.items()}
    text = render(
        "fly.toml",
        made=made,
        release=commands.unshelled(made.release) if made.release and not made.volume else None,
        processes=processes,
        health=project.health.value if project.health else None,
        served=_serves(project),
        statics=_statics(project),
    )
    said = (*warnings(project, made), *_warnings(made))
    notes = tuple(_notes(project, made))
    serves = (processes[APP],) if processes else ()
    return (GeneratedFile("fly.toml", text, notes=notes, warnings=said, serves=serves),)


def _serves(project: Project) -> bool:
    """Tell whether the application is known to serve the static files itself."""
    storage = project.storage.value if project.storage else ""
    return bool(project.whitenoise) or storage.partition(".")[0] in ("whitenoise", "servestatic")


def _statics(project: Project) -> tuple[str, str] | None:
    """Return the tree in the image and its URL, where Fly is to serve it; else None."""
    url = project.static_url.value if project.static_url else ""
    if commands.is_remote(project) or _serves(project) or not url.startswith("/"):
        return None
    return tree(project), url


def _warnings(made: Container) -> Iterator[str]:
    if made.volume and made.processes:
        names = ", ".join(item.name for item in made.processes)
        yield (
            f"Fly: a volume belongs to one machine, so {names} cannot share the SQLite database "
            "and is left out. PostgreSQL can be shared."
        )
    for process in made.processes:
        if process.schedule and not made.volume:
            yield f"Fly: fly.toml has no cron, so {process.name} is left to a scheduled machine."
        if process.name == APP:
            yield f"Fly: {APP} is what its web process is called: rename the other one."


def _is_attached(connection: Connection | None) -> bool:
    """Tell whether Fly sets what leads to the database: a URL, of PostgreSQL."""
    return connection is not None and connection.engine == "postgresql" and bool(connection.url)


def _notes(project: Project, made: Container) -> Iterator[str]:
    is_attached = _is_attached(made.connection)
    secret = (made.secret,) if made.secret else ()
    names = [*secret, *made.demanded, *(() if is_attached else made.places)]
    if names:
        yield f"Fly: set the secrets, `fly secrets set {' '.join(f'{name}=…' for name in names)}`."
    if made.connection and is_attached:
        command = f"fly postgres attach NAME --variable-name {made.connection.url}"
        yield f"Fly: attach a database, `{command}`; it sets its URL."
    elif made.places:
        yield f"Fly: make a database; {', '.join(made.places)} have to lead to it."
    if project.health:
        yield (
            f"Fly: the health check asks with the host name {made.name}.fly.dev, which has to be "
            "in ALLOWED_HOSTS."
        )
    if made.volume:
        yield (
            "Fly: a volume belongs to one machine, so run one: `fly scale count 1`. It may belong "
            "to root; the image's user, 10001, has to own it."
        )
