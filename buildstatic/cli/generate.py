"""``buildstatic generate``: write the deployment files of a project."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from buildstatic.cli.options import (
    configured,
    manage_option,
    path_option,
    serve_option,
    settings_option,
    traceback_option,
)
from buildstatic.platforms import PLATFORMS

if TYPE_CHECKING:
    from buildstatic.cli.files import Wishes
    from buildstatic.project import Project
    from buildstatic.templates import GeneratedFile
    from buildstatic.templates.write import Change

IMAGE = ("dockerfile", "dockerignore")
TARGETS = (*IMAGE, *(platform.NAME for platform in PLATFORMS))
USUAL = (*IMAGE, *(platform.NAME for platform in PLATFORMS if platform.IS_DEFAULT))
HELP = f"""Write the Dockerfile, Procfile and platform files for a project.

FILE is one of {", ".join(USUAL)}, which are written without any name, and of
{", ".join(TARGETS[len(USUAL) :])}. Generating twice changes nothing.
"""

WORKER = r"(?P<name>[A-Za-z0-9][A-Za-z0-9_-]*)=(?P<command>.*\S.*)"
CRON = r"(?P<name>[A-Za-z0-9][A-Za-z0-9_-]*)=\s*(?P<times>\S+( \S+){4})\s+(?P<command>\S.*)"

EPILOG = """\b
Examples:
  buildstatic generate                       Dockerfile, .dockerignore, Procfile, Railway's two
  buildstatic generate dockerfile --stdout   look at it first
  buildstatic generate --diff                what would change in the files that are there
  buildstatic generate --check               in CI: fail where they have drifted
  buildstatic generate procfile --collect-in release
  buildstatic generate dockerfile railway --no-cache-mounts
  buildstatic generate railway --worker 'mail=python manage.py send' --cron 'tidy=0 4 * * * make'
  buildstatic generate railway --from railway.json
  buildstatic generate dockerfile --serve nginx
  buildstatic generate deploy.sh gitignore
  buildstatic generate procfile heroku       and what Heroku takes beside the Procfile

\b
If a file says something else already, nothing is written; --force overwrites.
"""


def _python(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None or re.fullmatch(r"3\.(1[1-9]|[2-9]\d)(\.\d+)?", value):
        return value
    raise click.BadParameter(f"{value!r} is no Python from 3.11 on; write it as 3.13 or 3.12.4.")


def _processes(
    _context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str, str], ...]:
    """Return name, command and schedule of each."""
    is_cron = parameter.name == "crons"
    pattern = CRON if is_cron else WORKER
    matches = [(value, re.fullmatch(pattern, value, re.DOTALL)) for value in values]
    for value, match in matches:
        if match is None:
            form = "NAME=M H D M W COMMAND" if is_cron else "NAME=COMMAND"
            raise click.BadParameter(f"{value!r} is not of the form {form}.")
    found = [match.groupdict() for _, match in matches if match]
    return tuple((item["name"], item["command"], item.get("times", "")) for item in found)


def _existing(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """Return each service with its file; one that is not named is the web."""
    pairs = [value.partition("=") for value in values]
    found = [(name, file) if equals else ("web", name) for name, equals, file in pairs]
    names = [name for name, _ in found]
    for name, file in found:
        if not name or not file or names.count(name) > 1:
            raise click.BadParameter("Name each service once, and its file: SERVICE=FILE.")
    return tuple(found)


@click.command(help=HELP, epilog=EPILOG)
@click.argument(
    "targets",
    nargs=-1,
    type=click.Choice(TARGETS, case_sensitive=False),
    metavar="[FILE]...",
)
@path_option
@manage_option
@settings_option
@click.option("--stdout", is_flag=True, help="Print the files; write nothing.")
@click.option("--diff", is_flag=True, help="Print what would change; write nothing.")
@click.option("--check", is_flag=True, help="Exit with 1 if anything would change; write nothing.")
@click.option("--force", is_flag=True, help="Overwrite files that say something else.")
@click.option(
    "--python", metavar="VERSION", callback=_python, help="Dockerfile: the Python, as 3.13."
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    default=8000,
    show_default=True,
    help="Dockerfile: the port, where the platform sets no PORT.",
)
@click.option(
    "--cache-mounts/--no-cache-mounts",
    default=True,
    help="Dockerfile: caches mounted into the build, or not, as Railway refuses them.",
)
@click.option(
    "--multi-platform/--no-multi-platform",
    default=False,
    help="Dockerfile: collect once for all platforms.",
)
@click.option(
    "--collector",
    type=click.Choice(["buildstatic", "django"]),
    default="buildstatic",
    show_default=True,
    help="Dockerfile: what collects; django is plain manage.py collectstatic.",
)
@serve_option
@click.option(
    "--server",
    type=click.Choice(["gunicorn", "uvicorn-worker"]),
    help="What serves, in all files; by itself uvicorn-worker where only ASGI is there.",
)
@click.option(
    "--collect-in",
    type=click.Choice(["build", "release"]),
    help="Procfile: the phase that collects; by itself release for remote storage.",
)
@click.option(
    "--builder",
    type=click.Choice(["railpack", "dockerfile", "nixpacks"]),
    help="Railway: what builds; by itself dockerfile where Railway takes it, else railpack.",
)
@click.option(
    "--chain",
    type=click.Choice(["start", "build"]),
    default="start",
    show_default=True,
    help="Railway: the command that collects, where no Dockerfile does.",
)
@click.option(
    "--worker",
    "workers",
    multiple=True,
    callback=_processes,
    metavar="NAME=COMMAND",
    help="What runs beside the server, in all files; by itself the Procfile's, or Celery's.",
)
@click.option(
    "--cron",
    "crons",
    multiple=True,
    callback=_processes,
    metavar="NAME=M H D M W COMMAND",
    help="What runs at times, as a line of crontab: 'tidy=0 4 * * * python manage.py tidy'.",
)
@click.option(
    "--from",
    "existing",
    multiple=True,
    callback=_existing,
    metavar="[SERVICE=]FILE",
    help="Railway: a railway.json or railway.toml to carry over into railway.py.",
)
@traceback_option
@click.pass_context
def command(
    context: click.Context,
    /,
    targets: tuple[str, ...],
    path: Path,
    manage: str | None,
    settings: str | None,
    stdout: bool,
    diff: bool,
    check: bool,
    force: bool,
    **wishes: Any,
) -> int:
    """Write what *targets* name; HELP says the rest."""
    from buildstatic.cli.files import Wishes, generated
    from buildstatic.project.detect import detect
    from buildstatic.templates.write import compare, write

    if stdout and (diff or check):
        raise click.UsageError("--stdout prints the files, --diff and --check compare them.")
    project = detect(path, manage=manage, settings=settings)
    said = configured(context, "generate", path, {"targets": targets, **wishes})
    targets = _known(said.pop("targets")) or USUAL
    if wishes["existing"] and "railway" not in targets:
        raise click.UsageError("--from is for railway: buildstatic generate railway --from FILE")
    wanted = Wishes(processes=(*said.pop("workers"), *said.pop("crons")), **said)
    files = generated(project, targets, wanted)
    if stdout:
        _print_files(files)
        _print_notes(project, files, wanted)
        return 0
    changes = compare(project.root, files)
    if diff or check:
        return _print_changes(changes, diff=diff, check=check)
    write(project.root, changes, force=force)
    _print_states(changes)
    _print_notes(project, files, wanted)
    return 0


def _known(targets: tuple[str, ...]) -> tuple[str, ...]:
    """Return *targets*, as they stand in pyproject.toml, if there are such."""
    from buildstatic.errors import ConfigInvalid

    for name in targets:
        if name not in TARGETS:
            near = difflib.get_close_matches(name, TARGETS, n=1)
            advice = f"Did you mean {near[0]}?" if near else f"There are {', '.join(TARGETS)}."
            raise ConfigInvalid(f"pyproject.toml: generate writes no {name!r}.", advice)
    return targets


def _print_files(files: Sequence[GeneratedFile]) -> None:
    """Print *files* as they would be written; several each under a heading."""
    from buildstatic.templates.write import encoded

    for file, content in [(file, encoded(file)) for file in files]:
        if len(files) > 1:
            click.echo(f"# file: {file.path}")
        click.echo(content, nl=False)


def _print_changes(changes: Sequence[Change], *, diff: bool, check: bool) -> int:
    """Print the differences, or what has drifted, and return the exit code."""
    from buildstatic.templates.write import State
    from buildstatic.templates.write import diff as difference

    drifted = [change for change in changes if change.state is not State.UNCHANGED]
    for change in drifted:
        if diff:
            click.echo(difference(change).encode(), nl=False)
        else:
            click.echo(f"{change.file.path}: {change.state.value}")
    return 1 if check and drifted else 0


def _print_states(changes: Sequence[Change]) -> None:
    from buildstatic.templates.write import State

    for change in changes:
        verb = "unchanged" if change.state is State.UNCHANGED else "written"
        click.echo(f"{verb:<9}  {change.file.path}")


def _print_notes(project: Project, files: Sequence[GeneratedFile], wishes: Wishes) -> None:
    """Print warnings and notes on *files*, and what the project still lacks, ready to paste."""
    from buildstatic import console
    from buildstatic.cli.files import notes, warnings
    from buildstatic.project.edits import edits

    for text in warnings(project, files, wishes):
        console.warn(text)
    for text in notes(project, files):
        console.note(f"note: {text}")
    for edit in edits(project):
        console.note(f"\n{edit.file}, {edit.where}: {edit.why}\n\n{edit.text}")
