"""systemd: units for a plain server, which run deploy.sh and the other processes.

The syntax is that of systemd.service(5) and systemd.syntax(7): in a command ``%`` and ``$`` are
doubled, and words are quoted with C-style escapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildstatic.platforms.commands import WEB, other_processes, settings_module, slug
from buildstatic.platforms.options import Options
from buildstatic.platforms.server import default_server
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile, render

NAME = "systemd"
SUMMARY = "systemd/*.service for a plain server, beside deploy.sh"
IS_DEFAULT = False

GUNICORN = ("gunicorn", "uvicorn-worker")  # tells systemd when it serves


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the unit of the server, and one for each other process of *project*.

    Raises ConfigInvalid if another process is named web.
    """
    name = slug(project)
    processes = other_processes(project, options)
    module = settings_module(project)
    context = {
        "name": name,
        "settings": quote(f"DJANGO_SETTINGS_MODULE={module}", command=False) if module else None,
    }
    is_gunicorn = (options.server or default_server(project)) in GUNICORN
    web = render(
        "systemd.service",
        process=WEB,
        command=f"/srv/{name}/deploy.sh",
        notifies=is_gunicorn,
        **context,
    )
    commands = [(item.name, item.command) for item in processes if not item.schedule]
    return (
        GeneratedFile(
            path(WEB),
            web,
            notes=tuple(_notes(project, name)),
            warnings=tuple(
                f"systemd: {item.name} is left out; run it from cron on the server."
                for item in processes
                if item.schedule
            ),
        ),
        *(
            GeneratedFile(
                path(process),
                render(
                    "systemd.service",
                    process=process,
                    command=f"/bin/sh -c {quote(command)}",
                    notifies=False,
                    **context,
                ),
            )
            for process, command in commands
        ),
    )


def path(process: str) -> str:
    """Return the path of the unit of *process*."""
    return f"systemd/{process}.service"


def quote(word: str, *, command: bool = True) -> str:
    """Return *word* as one word in a unit; ``$`` is special in a *command* only."""
    word = re.sub(r'["\\]', r"\\\g<0>", word).replace("%", "%%")
    word = word.replace("$", "$$") if command else word
    # Control characters and other line breaks would end the line.
    word = re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\x{ord(match[0]):02x}", word)
    return f'"{word}"'


def _notes(project: Project, name: str) -> Iterator[str]:
    yield "systemd: generate deploy.sh as well, which the unit of the server runs."
    yield "systemd: ALLOWED_HOSTS needs the domain of the site."
    yield (
        f"systemd: create the user {name}, put the project into /srv/{name}, and its virtual "
        f"environment into /srv/{name}/.venv."
    )
    secret_key = (project.secret_key,) if project.secret_key else ()
    required = (variable for variable in project.variables if variable.required)
    names = dict.fromkeys(variable.name for variable in (*secret_key, *required))
    if names:
        yield (
            f"systemd: set {', '.join(names)} in /etc/{name}.env, one NAME=value per line, "
            "readable by root only."
        )
