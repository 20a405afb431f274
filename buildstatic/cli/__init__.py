"""The command line: a group whose commands are imported when they are called."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from buildstatic import __version__
from buildstatic.errors import BuildstaticError, FileError

COMMANDS = {
    "check": "Say what will bite in production, and how to mend it.",
    "generate": "Write the Dockerfile, Procfile and platform files for a project.",
    "collect": "Collect the static files, in place of manage.py collectstatic.",
    "build": "Build the image, its static files in a layer of their own.",
    "layer": "Write the static files as an image layer, with no engine.",
    "verify": "Check what was built: the static files of an image or a tree.",
    "release": "Wait for the database, then migrate: for a release phase.",
    "start": "Collect what is missing, wait, migrate if asked, then serve.",
    "buildpack": "What the Cloud Native Buildpack runs.",
    "cache": "Show, shrink or empty the cache of compressed variants.",
}
INTERNAL = 70
INTERRUPTED = 130
UNREAD = 141


class NobodyReads(Exception):
    """Standard output is a pipe that is closed at its other end."""


@contextmanager
def noticing_closed_pipes() -> Iterator[None]:
    """Raise NobodyReads before click or rich exit with 1, the status of a check that failed."""
    try:
        yield
    except BrokenPipeError as error:
        raise NobodyReads from error
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):
            raise NobodyReads from error
        raise


class LazyGroup(click.Group):
    """A group that imports the module of a command only when the command is called.

    The one-line helps stand in `COMMANDS`, so that ``--help`` imports none of them.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import ``buildstatic.cli.<cmd_name>`` and return its ``command``."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"buildstatic.cli.{cmd_name}").command
        return command

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Parse; what ``--help`` prints is printed here."""
        with noticing_closed_pipes():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command."""
        with noticing_closed_pipes():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands with their one-line helps."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


EPILOG = """\b
Examples:
  buildstatic check                  what will bite, and what was found
  buildstatic generate               write Dockerfile, Procfile, railway.json ...
  buildstatic build --tag mysite     build the image

Shell completion: eval "$(_BUILDSTATIC_COMPLETE=bash_source buildstatic)"
(zsh_source, fish_source for the others).
"""


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="buildstatic", message="%(prog)s %(version)s")
@click.option(
    "--traceback", is_flag=True, expose_value=False, help="Show the traceback of an error."
)
def cli() -> None:
    """Put a Django project's static files into an image layer of their own.

    buildstatic collects a project's static files in a multi-stage container build, once, the same
    bytes every time, and writes the few files that a deployment needs around it.
    """


def run(argv: Sequence[str]) -> int:
    """Run the command line *argv* (without the program's name) and return its exit code.

    Every failure ends here: as one line on standard error, or, with ``--traceback`` anywhere in
    *argv*, as the traceback as well.
    """
    _open_closed()
    try:
        status: Any = cli.main(list(argv), prog_name="buildstatic", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except (BrokenPipeError, NobodyReads):
        return _unread()
    except Exception as error:
        return _fail(error, with_traceback="--traceback" in argv)
    return status if isinstance(status, int) else 0


def _open_closed() -> None:
    """Let what is printed go nowhere where the shell has closed its stream (``>&-``)."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, os.fdopen(nowhere, "w", encoding="utf-8"))


def _unread() -> int:
    """Let the rest of the output go nowhere; return the status of whom SIGPIPE ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return UNREAD


def _fail(error: Exception, with_traceback: bool) -> int:
    from buildstatic import console

    if with_traceback:
        traceback.print_exception(error)
    match error:
        case BuildstaticError():
            console.fail(error)
            return error.exit_code
        case OSError():
            where = f"{error.filename}: " if error.filename else "The system says: "
            known = FileError(f"{where}{error.strerror or error}.")
            console.fail(known)
            return known.exit_code
        case _:
            said = " ".join(f"{type(error).__name__}: {error}".split())
            problem = f"{said}. This is a fault of buildstatic's own;"
            advice = "run it again with --traceback and report what it prints."
            console.fail(BuildstaticError(problem, advice))
            return INTERNAL
