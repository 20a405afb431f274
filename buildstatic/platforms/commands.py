"""The steps of a deployment as lines of shell: collect, migrate, serve."""

from __future__ import annotations

import re
import shlex
import unicodedata

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import server
from buildstatic.platforms.options import Options
from buildstatic.platforms.repository import repository
from buildstatic.project import Process, Project

WEB = "web"
# What only a shell reads: operators, expansions, line breaks; first of all, an assignment, a word
# of its grammar, or a command that is part of it
# (pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html, 2.4 and 2.15).
SHELLS = re.compile(
    r"[$`&|;<>()*?\[\]{}~#!\n\r]|\A\s*(?:\w+=|(?:[.:]|case|cd|command|eval|exec|export|for|if|"
    r"readonly|set|shift|source|time|times|trap|type|ulimit|umask|unset|until|while)(?=\s|\Z))"
)
# What every container and shell has by itself, with other values than the machine outside.
SYSTEM = {
    *("HOME", "HOSTNAME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "TMPDIR", "USER"),
    *("PYTHONPATH", "PYTHONUNBUFFERED", "VIRTUAL_ENV"),
}


def collect(project: Project) -> str:
    """Return the line that collects the static files."""
    return _manage(project, "collectstatic")


def migrate(project: Project) -> str:
    """Return the line that migrates the database."""
    return _manage(project, "migrate")


def serve(project: Project, options: Options) -> str:
    """Return the line that serves; raises ConfigInvalid where there is no application."""
    return shlex.join(server.server_command(project, options.server))


def chain(*steps: str) -> str:
    """Return *steps* as one line that stops at the first that fails."""
    return " && ".join(steps)


def is_remote(project: Project) -> bool:
    """Tell whether the static files are kept elsewhere: S3 and friends."""
    return project.remote is not None and project.remote.value


def settings_module(project: Project) -> str | None:
    """Return the settings module that the environment must name, None where manage.py does."""
    file, _, _ = project.settings.source.rpartition(":")
    return None if file == project.manage.value else project.settings.value


def single_line(text: str, file: str) -> str:
    """Return *text* if it is one line; raises ConfigInvalid, as *file* has a line a command."""
    if len(text.splitlines()) == 1:
        return text
    raise ConfigInvalid(
        f"{file} has one line a command, and {text!r} has a line break in it.",
        "Rename the directory or the module that it comes from.",
    )


def unshelled(line: str) -> str:
    """Return *line* for a platform that splits it into words and asks no shell."""
    return shlex.join(words(line)) if SHELLS.search(line) else line


def words(line: str) -> tuple[str, ...]:
    """Return the argv that runs *line*, by a shell where it takes one."""
    try:
        split = shlex.split(line)
    except ValueError:
        split = []
    return tuple(split) if split and not SHELLS.search(line) else ("/bin/sh", "-c", line)


def name(project: Project) -> str:
    """Return what the project is called: its repository's name, else its directory's."""
    origin = repository(project.root)
    return origin.name if origin else project.root.resolve().name or "site"


def slug(project: Project) -> str:
    """Return the name in small letters, digits and dashes, as platforms want it."""
    plain = unicodedata.normalize("NFKD", name(project)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:50].strip("-") or "site"


def processes(project: Project, options: Options) -> tuple[Process, ...]:
    """Return what runs beside the server: what was found, and what is asked for, once a name."""
    found = project.processes.value if project.processes else ()
    for process in options.processes:
        if process.name == WEB:
            raise ConfigInvalid(
                f"{WEB} is the name of what serves.", "Give the other process another name."
            )
    return tuple({item.name: item for item in (*found, *options.processes)}.values())


def migrations(project: Project) -> tuple[str, ...]:
    """Return the line that migrates, and none where it is known that there is no database.

    Without one Django's migrate fails (`django.db.backends.dummy`).
    """
    is_without = project.connection is not None and project.connection.value.engine == "dummy"
    return () if is_without else (migrate(project),)


def _manage(project: Project, name: str) -> str:
    manage = server.operand(project.manage.value)
    return shlex.join(("python", manage, name, "--noinput"))
