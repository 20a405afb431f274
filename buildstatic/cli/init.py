"""``buildstatic init``: asks where the site will run, then generates its deployment files."""

from __future__ import annotations

import difflib
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from buildstatic.cli.options import path_argument, traceback_option
from buildstatic.workflows.targets import TARGETS

if TYPE_CHECKING:
    from buildstatic.project import Project

IMAGE = ("dockerfile", "dockerignore")
# What `generate` writes for an answer to the first question, if not the image and the target.
FILES = {
    "image": IMAGE,
    "heroku": ("procfile", "heroku"),
    "railway": ("railway",),
    "systemd": ("deploy.sh", "systemd"),
}
# Targets that are written beside others, or that need an account to be read.
NOT_ASKED = (*IMAGE, "procfile", "deploy.sh", "gitignore", "railway-iac")
DATABASES = {
    "platform": "the platform's files create it, if they can",
    "external": "elsewhere; variables of the deployment lead to it",
}
EPILOG = """\b
Examples:
  buildstatic init          ask, then write the files
  buildstatic init --yes    write what `buildstatic generate` writes
"""


@click.command(epilog=EPILOG)
@path_argument
@click.option("--yes", "-y", is_flag=True, help="Ask nothing; use the defaults.")
@traceback_option
def command(path: Path, yes: bool) -> None:
    """Ask three questions, then write the deployment files of the project in PATH.

    The questions are the target, the application server, and where the database is. Prints the
    `buildstatic generate` command that writes the same files again.
    """
    from buildstatic import console
    from buildstatic.cli.generate import print_notes, print_states
    from buildstatic.platforms.commands import slug
    from buildstatic.project.detect import detect
    from buildstatic.workflows.generate import GenerateOptions, configured_targets, generate

    if not yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(
            "init asks questions, and this is not a terminal. Use --yes for the defaults, or run "
            "`buildstatic generate` with options."
        )
    project = detect(path)
    arguments: list[str] = []
    if yes:
        targets = tuple(configured_targets(project.root, project.config))
        options = GenerateOptions.configured(project.root, project.config)
    else:
        targets, given = _ask(project)
        arguments = [*targets, *(word for name in given for word in (f"--{name}", given[name]))]
        options = GenerateOptions.configured(project.root, project.config, **given)
    generation = generate(path, targets, options)
    print_states(generation.changes)
    print_notes(generation)
    where = [] if path == Path() else ["--path", str(path)]
    same = shlex.join(["buildstatic", "generate", *arguments, *where])
    console.note(f"\nTo write these files again: {same}")
    following = ["build", "--tag", slug(project)] if "dockerfile" in targets else ["check"]
    console.note(f"Next: {shlex.join(['buildstatic', *following, *where[1:]])}")


def _ask(project: Project) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the targets and the options of `generate` that the user chooses."""
    from buildstatic import console
    from buildstatic.platforms.server import SERVER_NAMES, default_server

    places = {"image": "Dockerfile and .dockerignore only, for any platform"}
    places |= {name: text for name, text in TARGETS.items() if name not in NOT_ASKED}
    place = _choose("Where will the site run?", places, "image")
    found = project.server
    why = f"found in {found.source}" if found else "installed if the project does not have it"
    default = default_server(project)
    servers: dict[str, str] = {name: why if name == default else "" for name in SERVER_NAMES}
    server = _choose("Which application server?", servers, default)
    given = {"server": server} if server != default else {}
    connection = project.connection
    databases = dict(DATABASES)
    first = "platform"
    if connection is None or connection.value.engine in ("sqlite", "dummy"):
        settings = f"the settings use SQLite ({connection.source})" if connection else ""
        databases = {"file": settings or "SQLite, or there is none", **databases}
        first = "file"
    database = _choose("Where is the database?", databases, first)
    if first == "file" != database:
        console.warn(
            "The settings do not connect to a database server yet: read DATABASES from "
            "DATABASE_URL, for example with dj-database-url, add psycopg to the dependencies, and "
            "run this again."
        )
    if database == "external":
        given["database"] = database
    return FILES.get(place, (*IMAGE, place)), given


def _choose(question: str, choices: Mapping[str, str], default: str) -> str:
    """Ask *question* until the answer is a number or a name of *choices*; return the name."""
    from buildstatic import console

    names = list(choices)
    formatter = click.HelpFormatter(width=max(30, shutil.get_terminal_size().columns))
    formatter.write_text(question)
    with formatter.indentation():
        rows = ((f"{n:>2} {name}", text) for n, (name, text) in enumerate(choices.items(), 1))
        formatter.write_dl([(row, console.printable(text)) for row, text in rows], col_max=20)

    def read(answer: str) -> str:
        answer = answer.strip().lower()
        if answer in choices:
            return answer
        if answer.isdecimal() and 1 <= int(answer) <= len(names):
            return names[int(answer) - 1]
        near = difflib.get_close_matches(answer, names, n=1)
        advice = f"Did you mean {near[0]}?" if near else f"Enter 1 to {len(names)}, or a name."
        raise click.UsageError(f"{console.printable(answer)!r} is not in the list. {advice}")

    click.echo(f"\n{formatter.getvalue()}", nl=False, err=True)
    chosen: str = click.prompt("Number or name", default=default, value_proc=read, err=True)
    return chosen
