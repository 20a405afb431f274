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
    "init": "Ask three questions, then write the deployment files.",
    "check": "Find deployment problems and suggest fixes.",
    "generate": "Write the Dockerfile, Procfile and platform files for a project.",
    "collect": "Collect the static files, in place of manage.py collectstatic.",
    "build": "Build the image, with its static files in a separate layer.",
    "layer": "Write the static files as an image layer, without an engine.",
    "verify": "Check the static files of an image, a layer or a directory.",
    "release": "Wait for the database, then migrate: for a release phase.",
    "start": "Collect if needed, migrate if requested, then serve.",
    "buildpack": "Run the build phase of the Cloud Native Buildpack.",
    "cache": "Show, prune or clear the cache of compressed variants.",
}
INTERNAL = 70
INTERRUPTED = 130
PIPE_CLOSED = 141


class OutputClosed(Exception):
    """Standard output is a pipe whose reader has closed it."""


@contextmanager
def detect_closed_pipe() -> Iterator[None]:
    """Raise OutputClosed before click or rich exit with 1, the status of a check that failed."""
    try:
        yield
    except BrokenPipeError as error:
        raise OutputClosed from error
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):
            raise OutputClosed from error
        raise


class LazyGroup(click.Group):
    """A group that imports the module of a command only when the command is called.

    The one-line helps are in `COMMANDS`, so that ``--help`` does not import the commands.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order in which a user needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the module of *cmd_name* and return the click command in it."""
        if cmd_name not in COMMANDS:
            return None
        is_runtime = cmd_name in ("release", "start")
        module = importlib.import_module(f"buildstatic.cli.{'runtime' if is_runtime else cmd_name}")
        command: click.Command = getattr(module, cmd_name if is_runtime else "command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that *args* begin with; suggest the nearest name for another one."""
        name = args[0]
        if name in COMMANDS or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        near = get_close_matches(name, COMMANDS, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise click.UsageError(f"No such command {name!r}.{hint}", ctx)

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Parse the command line; ``--help`` prints here."""
        with detect_closed_pipe():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command."""
        with detect_closed_pipe():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands with their one-line helps."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


MEMORY_ADVICE = "Raise the limits of the process or container (ulimit -a, or its memory and pids)."
EPILOG = """\b
Examples:
  buildstatic init                   ask three questions, then generate
  buildstatic check                  find deployment problems
  buildstatic generate               write Dockerfile, Procfile, railpack.json ...
  buildstatic build --tag mysite     build the image

Shell completion: eval "$(_BUILDSTATIC_COMPLETE=bash_source buildstatic)"
(or zsh_source, fish_source).
"""


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="buildstatic", message="%(prog)s %(version)s")
@click.option(
    "--traceback", is_flag=True, expose_value=False, help="Show the full traceback of an error."
)
def cli() -> None:
    """Put the static files of a Django project into a separate image layer.

    buildstatic collects the static files once, reproducibly, in a multi-stage container build, and
    generates the files that a deployment needs.
    """


def run(argv: Sequence[str]) -> int:
    """Run the command line *argv* (without the program's name) and return its exit code.

    A failure is printed as one line on standard error, after its traceback if ``--traceback`` is
    anywhere in *argv*.
    """
    # A stream that the shell has closed (``>&-``) is None.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, os.fdopen(null, "w", encoding="utf-8"))
    try:
        status: Any = cli.main(list(argv), prog_name="buildstatic", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except (BrokenPipeError, OutputClosed):
        # Discards what is still buffered, which Python writes when it exits.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
        return PIPE_CLOSED
    except Exception as error:
        return _fail(error, with_traceback="--traceback" in argv)
    return status if isinstance(status, int) else 0


def _fail(error: Exception, with_traceback: bool) -> int:
    """Print *error* and return its exit code."""
    from buildstatic import console

    if with_traceback:
        traceback.print_exception(error)
    match error:
        case BuildstaticError():
            console.fail(error)
            return error.exit_code
        case ModuleNotFoundError():
            # The environment of a static stage is for collecting only.
            advice = "Install buildstatic with all that it requires: pip install buildstatic."
            console.fail(BuildstaticError(f"{error}.", advice))
            return INTERNAL
        case MemoryError():
            memory_error = FileError("The process may not use more memory.", MEMORY_ADVICE)
            console.fail(memory_error)
            return memory_error.exit_code
        case RuntimeError() if "can't start new thread" in str(error):
            thread_error = FileError("The system does not allow another thread.", MEMORY_ADVICE)
            console.fail(thread_error)
            return thread_error.exit_code
        case OSError():
            where = f"{error.filename}: " if error.filename else "System error: "
            file_error = FileError(f"{where}{error.strerror or error}.")
            console.fail(file_error)
            return file_error.exit_code
        case _:
            text = " ".join(f"{type(error).__name__}: {error}".split())
            problem = f"{text}. This is a bug in buildstatic."
            advice = "Run the command again with --traceback and report its output."
            console.fail(BuildstaticError(problem, advice))
            return INTERNAL
