"""``python -m buildstatic.runtime start|release``: the same commands, without click."""

from __future__ import annotations

import sys
import traceback
from argparse import ArgumentParser

from buildstatic.errors import BuildstaticError
from buildstatic.runtime.options import COMMANDS, Command, split, wishes
from buildstatic.runtime.run import run

INTERNAL = 70
PROGRAM = "python -m buildstatic.runtime"


def main(argv: list[str], program: str = PROGRAM) -> int:
    """Run the command line *argv*, of *program*, and return the exit code."""
    before, command = split(argv)
    parser = _parser(program)
    values = vars(parser.parse_args(before))
    name, with_traceback = values.pop("name"), values.pop("traceback")
    if command and name != "start":
        parser.error(f"{name} takes no command: {' '.join(command)}")
    try:
        return run(name, wishes(values, command))
    except Exception as error:
        if with_traceback:
            traceback.print_exception(error)
        print(
            f"error: {error if isinstance(error, BuildstaticError) else _fault(error)}",
            file=sys.stderr,
        )
        return error.exit_code if isinstance(error, BuildstaticError) else INTERNAL


def _fault(error: Exception) -> str:
    said = " ".join(f"{type(error).__name__}: {error}".split())
    advice = "run it again with --traceback and report what it prints."
    return f"{said}. This is a fault of buildstatic's own; {advice}"


def _parser(program: str) -> ArgumentParser:
    parser = ArgumentParser(
        prog=program, description="Collect, wait, migrate, serve.", allow_abbrev=False
    )
    below = parser.add_subparsers(dest="name", metavar="COMMAND", required=True)
    for command in COMMANDS:
        usage = f"{program} {command.name} [OPTIONS]"
        if command.takes_command:
            usage += " [-- COMMAND...]"
        _add(
            below.add_parser(command.name, help=command.summary, usage=usage, allow_abbrev=False),
            command,
        )
    return parser


def _add(parser: ArgumentParser, command: Command) -> None:
    parser.description = command.text
    for option in command.options:
        if not option.metavar:
            parser.add_argument(option.name, action="store_true", help=option.help)
            continue
        default = "" if option.default is None else f"  [default: {option.default:g}]"
        parser.add_argument(
            option.name,
            action="append" if option.multiple else "store",
            metavar=option.metavar,
            type=option.kind,
            default=option.default,
            help=option.help + default,
        )
    parser.add_argument("--traceback", action="store_true", help="Show the traceback of an error.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
