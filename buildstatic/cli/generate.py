"""``buildstatic generate``: writes, prints or compares the deployment files of a project."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from buildstatic.cli.options import (
    chosen_dependencies,
    dependency_options,
    given,
    manage_option,
    path_option,
    serve_option,
    settings_option,
    traceback_option,
)
from buildstatic.workflows.targets import DEFAULT_TARGETS, TARGETS, nearest_target

if TYPE_CHECKING:
    from buildstatic.templates import GeneratedFile
    from buildstatic.templates.write import FileChange
    from buildstatic.workflows.generate import Generation

OTHERS = tuple(name for name in TARGETS if name not in DEFAULT_TARGETS)
HELP = f"""Write the Dockerfile, Procfile and platform files for a project.

FILE is one of {", ".join(DEFAULT_TARGETS)}, which are written by default, or of
{", ".join(OTHERS)}. Files that are up to date are left unchanged.
"""

NAME = r"(?P<name>[A-Za-z0-9][A-Za-z0-9_-]*)"
WORKER = rf"{NAME}=(?P<command>.*\S.*)"
CRON = rf"{NAME}=\s*(?P<schedule>\S+( \S+){{4}})\s+(?P<command>\S.*)"

EPILOG = """\b
Examples:
  buildstatic generate                       Dockerfile, .dockerignore, Procfile
  buildstatic generate dockerfile --stdout   print it first
  buildstatic generate --diff                show what would change in existing files
  buildstatic generate --check               in CI: fail if files are out of date
  buildstatic generate procfile --collect-in release
  buildstatic generate railway               railpack.json, if there is no Dockerfile
  buildstatic generate railway-iac --cron 'tidy=0 4 * * * python manage.py clearsessions'
  buildstatic generate railway-iac --from railway.json
  buildstatic generate dockerfile --serve nginx
  buildstatic generate dockerfile --pin      base images by digest
  buildstatic generate --pin --check         fail if there is a newer base image
  buildstatic generate deploy.sh gitignore
  buildstatic generate procfile heroku       for Heroku, with app.json and bin/post_compile

\b
If a file exists with other content, nothing is written; --force overwrites it.
"""


def _targets(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the names of targets in lower case; the nearest is suggested for an unknown one."""
    names = tuple(value.lower() for value in values)
    for value, name in zip(values, names, strict=True):
        if name not in TARGETS:
            raise click.BadParameter(f"Unknown target {value!r}. {nearest_target(name)}")
    return names


def _python(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None or re.fullmatch(r"3\.(1[1-9]|[2-9]\d)(\.\d+)?", value):
        return value
    raise click.BadParameter(f"{value!r} is not a version from 3.11 on, such as 3.14 or 3.12.4.")


def _processes(
    _context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[dict[str, str], ...]:
    """Return name, command and, of a cron job, schedule of each."""
    is_cron = parameter.name == "crons"
    processes = []
    for value in values:
        match = re.fullmatch(CRON if is_cron else WORKER, value, re.DOTALL)
        if match is None:
            form = "NAME=M H D M W COMMAND" if is_cron else "NAME=COMMAND"
            raise click.BadParameter(f"{value!r} is not of the form {form}.")
        processes.append(match.groupdict())
    return tuple(processes)


def _existing(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """Return each service and its file; the default service is web."""
    pairs = [value.partition("=") for value in values]
    services = [(name, file) if equals else ("web", name) for name, equals, file in pairs]
    names = [name for name, _ in services]
    for name, file in services:
        if not name or not file or names.count(name) > 1:
            raise click.BadParameter("Name each service once, with its file: SERVICE=FILE.")
    return tuple(services)


@click.command(help=HELP, epilog=EPILOG)
@click.argument(
    "targets",
    nargs=-1,
    callback=_targets,
    shell_complete=lambda _context, _parameter, typed: [
        name for name in TARGETS if name.startswith(typed)
    ],
    metavar="[FILE]...",
)
@click.option("--list", "lists", is_flag=True, help="Print what FILE can be; write nothing.")
@path_option
@manage_option
@settings_option
@dependency_options
@click.option("--stdout", is_flag=True, help="Print the files; write nothing.")
@click.option("--diff", is_flag=True, help="Print what would change; write nothing.")
@click.option("--check", is_flag=True, help="Exit with 1 if anything would change; write nothing.")
@click.option("--force", is_flag=True, help="Overwrite existing files with other content.")
@click.option(
    "--python",
    metavar="VERSION",
    callback=_python,
    help="Dockerfile: Python version, such as 3.14. [default: the project's]",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    default=8000,
    show_default=True,
    help="Dockerfile: port, unless the platform sets PORT.",
)
@click.option(
    "--cache-mounts/--no-cache-mounts",
    default=False,
    show_default=True,
    help="Dockerfile: use cache mounts: faster builds, but Railway rejects them.",
)
@click.option(
    "--multi-platform/--no-multi-platform",
    default=False,
    show_default=True,
    help="Dockerfile: collect once for all platforms.",
)
@click.option(
    "--pin",
    is_flag=True,
    default=False,
    help="Dockerfile: pin base images to their current digests. [default: keep existing pins]",
)
@click.option(
    "--collector",
    type=click.Choice(["buildstatic", "django"]),
    help="Dockerfile: program that collects; django runs manage.py collectstatic."
    " [default: buildstatic, or django before Django 4.2]",
)
@serve_option
@click.option(
    "--server",
    type=click.Choice(
        [
            *("gunicorn", "uvicorn-worker", "uvicorn", "granian"),
            *("daphne", "hypercorn", "uwsgi", "waitress"),
        ]
    ),
    help="Server in all files. [default: the project's, else gunicorn]",
)
@click.option(
    "--database",
    type=click.Choice(["platform", "external"]),
    default="platform",
    show_default=True,
    help="Database server: created by the platform's files if they can, or external.",
)
@click.option(
    "--collect-in",
    type=click.Choice(["build", "release"]),
    help="Procfile: phase that collects. [default: build; release for remote storages]",
)
@click.option(
    "--builder",
    type=click.Choice(["railpack", "dockerfile"]),
    help="Railway: builder. [default: dockerfile if there is one, else railpack]",
)
@click.option(
    "--chain",
    type=click.Choice(["start", "build"]),
    default="start",
    show_default=True,
    help="Railway: command that collects, if no Dockerfile does.",
)
@click.option(
    "--legacy",
    is_flag=True,
    default=False,
    help="Railway: write railway.json, which Railway reads until 2026-12-01.",
)
@click.option(
    "--worker",
    "workers",
    multiple=True,
    callback=_processes,
    metavar="NAME=COMMAND",
    help="Process beside the server, in all files. [default: the Procfile's, or Celery's]",
)
@click.option(
    "--cron",
    "crons",
    multiple=True,
    callback=_processes,
    metavar="NAME=M H D M W COMMAND",
    help="Scheduled process, as a line of crontab: 'tidy=0 4 * * * python manage.py tidy'.",
)
@click.option(
    "--from",
    "existing",
    multiple=True,
    callback=_existing,
    metavar="[SERVICE=]FILE",
    help="Railway: railway.json or railway.toml to convert to railway.py.",
)
@traceback_option
@click.pass_context
def command(
    context: click.Context,
    /,
    targets: tuple[str, ...],
    lists: bool,
    path: Path,
    manage: str | None,
    settings: str | None,
    requirements: tuple[str, ...],
    groups: tuple[str, ...],
    extras: tuple[str, ...],
    stdout: bool,
    diff: bool,
    check: bool,
    force: bool,
    workers: tuple[dict[str, str], ...],
    crons: tuple[dict[str, str], ...],
    existing: tuple[tuple[str, str], ...],
    **values: Any,
) -> int:
    """Write the files of *targets*; the help is in HELP."""
    from buildstatic import console
    from buildstatic.platforms.commands import slug
    from buildstatic.project import Process
    from buildstatic.workflows.generate import GenerateOptions, configured_targets, generate

    if lists:
        _print_targets()
        return 0
    if stdout and (diff or check):
        raise click.UsageError("--stdout prints files, --diff and --check compare them.")
    processes = tuple(Process(**process) for process in (*workers, *crons))
    options = GenerateOptions.configured(
        path, processes=processes, existing=existing, **given(context, values)
    )
    chosen = targets or configured_targets(path)
    if options.pin and "dockerfile" not in chosen:
        raise click.UsageError("--pin is for dockerfile: buildstatic generate dockerfile --pin")
    if existing and "railway-iac" not in chosen:
        raise click.UsageError(
            "--from is for railway-iac: buildstatic generate railway-iac --from FILE"
        )
    generation = generate(
        path,
        chosen,
        options,
        manage=manage,
        settings=settings,
        dependencies=chosen_dependencies(requirements, groups, extras),
        mode="render" if stdout else "compare" if diff or check else "write",
        force=force,
    )
    if diff or check:
        for sentence in generation.newer if check else ():
            click.echo(sentence)
        return _print_changes(generation.changes, diff=diff, check=check)
    if stdout:
        _print_files(generation.files)
    else:
        print_states(generation.changes)
    print_notes(generation)
    if "dockerfile" in chosen and not stdout:
        where = [] if path == Path() else [str(path)]
        tag = slug(generation.project)
        console.next_command("buildstatic", "build", "--tag", tag, *where)
    return 0


def _print_targets() -> None:
    width = max(map(len, TARGETS))
    for name, summary in TARGETS.items():
        default = " (default)" if name in DEFAULT_TARGETS else ""
        click.echo(f"{name:<{width}}  {summary}{default}")


def _print_files(files: Sequence[GeneratedFile]) -> None:
    """Print *files* as they would be written, several each under a heading."""
    from buildstatic.templates.write import encode

    for file, content in [(file, encode(file)) for file in files]:
        if len(files) > 1:
            click.echo(f"# file: {file.path}")
        _print_content(content)


def _print_content(content: bytes) -> None:
    """Print *content*, byte for byte unless it could control a terminal."""
    from buildstatic import console

    if sys.stdout.isatty():
        click.echo(console.printable(content.decode(errors="backslashreplace")), nl=False)
    else:
        click.echo(content, nl=False)


def _print_changes(changes: Sequence[FileChange], *, diff: bool, check: bool) -> int:
    """Print the differences, or the names of the files that differ; return the exit code."""
    from buildstatic.templates import write

    changed = [change for change in changes if change.state is not write.State.UNCHANGED]
    for change in changed:
        if diff:
            _print_content(write.diff(change).encode())
        else:
            click.echo(f"{change.file.path}: {change.state.value}")
    return 1 if check and changed else 0


def print_states(changes: Sequence[FileChange]) -> None:
    """Print which files of *changes* were written."""
    from buildstatic.templates.write import State

    for change in changes:
        verb = "unchanged" if change.state is State.UNCHANGED else "written"
        click.echo(f"{verb:<9}  {change.file.path}")


def print_notes(generation: Generation) -> None:
    """Print warnings, notes, and the changes that the project still needs, ready to paste."""
    from buildstatic import console

    for text in generation.warnings:
        console.warn(text)
    for text in generation.notes:
        console.note(text, "note:")
    for edit in generation.edits:
        console.note(f"\n{edit.file}, {edit.where}: {edit.why}\n\n{edit.text}")
