"""The shell commands of the deployment steps: collect, migrate, serve."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterator

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms.options import Options
from buildstatic.platforms.repository import github_repository
from buildstatic.platforms.server import operand
from buildstatic.project import Process, Project

WEB = "web"
# What only a shell understands: operators, expansions and line breaks; at the beginning also an
# assignment, a reserved word or a built-in command
# (pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html, 2.4 and 2.15).
SHELL_SYNTAX = re.compile(
    r"[$`&|;<>()*?\[\]{}~#!\n\r]|\A\s*(?:\w+=|(?:[.:]|case|cd|command|eval|exec|export|for|if|"
    r"readonly|set|shift|source|time|times|trap|type|ulimit|umask|unset|until|while)(?=\s|\Z))"
)
# Variables that every container and shell sets, with values that differ between machines.
SYSTEM_VARIABLES = {
    *("HOME", "HOSTNAME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "TMPDIR", "USER"),
    *("PYTHONPATH", "PYTHONUNBUFFERED", "VIRTUAL_ENV"),
}


def collect_command(project: Project) -> str:
    """Return the command that collects the static files."""
    return _manage_command(project, "collectstatic")


def migrate_commands(project: Project) -> tuple[str, ...]:
    """Return the command that migrates, or nothing if the project is known to have no database.

    Without a database Django's migrate fails (`django.db.backends.dummy`).
    """
    has_none = project.connection is not None and project.connection.value.engine == "dummy"
    return () if has_none else (_manage_command(project, "migrate"),)


def release_command(project: Project) -> str | None:
    """Return the command to run once per deployment, or None: collect if remote, and migrate."""
    collect = (collect_command(project),) if has_remote_storage(project) else ()
    return join_commands(*collect, *migrate_commands(project)) or None


def _manage_command(project: Project, name: str) -> str:
    return shlex.join(("python", operand(project.manage.value), name, "--noinput"))


def join_commands(*commands: str) -> str:
    """Return *commands* as one that stops at the first failure."""
    return " && ".join(commands)


def require_single_line(command: str, file: str) -> str:
    """Return *command*; raises ConfigInvalid if it has line breaks, which *file* cannot contain."""
    if len(command.splitlines()) == 1:
        return command
    raise ConfigInvalid(
        f"A command in a {file} must be one line, but {command!r} contains a line break.",
        "Rename the directory or module that contains the line break.",
    )


def without_shell(command: str) -> str:
    """Return *command* for a platform that splits it into words without a shell."""
    return shlex.join(to_argv(command)) if SHELL_SYNTAX.search(command) else command


def to_argv(command: str) -> tuple[str, ...]:
    """Return the argv that runs *command*, through a shell if it needs one."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if words and not SHELL_SYNTAX.search(command):
        return tuple(words)
    return ("/bin/sh", "-c", command)


def has_remote_storage(project: Project) -> bool:
    """Return whether the static files are stored remotely, such as on S3."""
    return project.remote is not None and project.remote.value


def sqlite_note(project: Project) -> Iterator[str]:
    """Yield where the database is lost, if it is an SQLite file that no URL replaces.

    A volume is mounted neither for a release phase nor for a pre-deploy command
    (devcenter.heroku.com/articles/sqlite3, docs.railway.com/deployments/pre-deploy-command).
    """
    connection = project.connection
    if connection and connection.value.engine == "sqlite" and connection.value.url is None:
        yield (
            f"The SQLite database ({connection.source}) is lost on Heroku with every dyno, and "
            "on Railway with every container that has no volume, such as that of a pre-deploy "
            "command. Use PostgreSQL there."
        )


def settings_module(project: Project) -> str | None:
    """Return the settings module for the environment, None if manage.py sets it."""
    file, _, _ = project.settings.source.rpartition(":")
    return None if file == project.manage.value else project.settings.value


def project_name(project: Project) -> str:
    """Return the name of the project's repository, or else of its directory."""
    origin = github_repository(project.root)
    return origin.name if origin else project.root.resolve().name or "site"


def slug(project: Project) -> str:
    """Return the project's name in lower-case letters, digits and hyphens."""
    name = unicodedata.normalize("NFKD", project_name(project)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:50].strip("-") or "site"


def dns_label(text: str, length: int) -> str:
    """Return *text* as a name that begins with a letter (RFC 1035), of 2 to *length* characters."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    name = name if re.match("[a-z].", name) else f"site-{name}"
    return name[:length].strip("-")


def other_processes(project: Project, options: Options) -> tuple[Process, ...]:
    """Return the processes besides the server; *options* override those found by name.

    Raises ConfigInvalid for one named web.
    """
    found = project.processes.value if project.processes else ()
    if any(process.name == WEB for process in options.processes):
        raise ConfigInvalid(
            f"{WEB} is the name of the server process.", "Choose another name for the process."
        )
    return tuple({item.name: item for item in (*found, *options.processes)}.values())
