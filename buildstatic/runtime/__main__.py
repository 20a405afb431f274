"""``python -m buildstatic.runtime start|release``: the same commands, without click."""

from __future__ import annotations

import sys
import traceback
from argparse import ArgumentParser

from buildstatic.errors import BuildstaticError
from buildstatic.runtime.commands import run
from buildstatic.runtime.options import COMMANDS, make_options, split_command

INTERNAL_ERROR = 70


def main(argv: list[str], program: str = "python -m buildstatic.runtime") -> int:
    """Run the command line *argv* of *program* and return the exit code."""
    arguments, command = split_command(argv)
    parser = _parser(program)
    values = vars(parser.parse_args(arguments))
    name, with_traceback = values.pop("name"), values.pop("traceback")
    if command and name != "start":
        parser.error(f"{name} takes no command: {' '.join(command)}")
    try:
        return run(name, make_options(values, command))
    except Exception as error:
        if with_traceback:
            traceback.print_exception(error)
        if isinstance(error, BuildstaticError):
            print(f"error: {error}", file=sys.stderr)
            return error.exit_code
        text = " ".join(f"{type(error).__name__}: {error}".split())
        advice = "run it again with --traceback and report the output."
        print(f"error: {text}. This is a bug in buildstatic; {advice}", file=sys.stderr)
        return INTERNAL_ERROR


def _parser(program: str) -> ArgumentParser:
    description = "Collect static files, wait for databases, migrate, serve."
    parser = ArgumentParser(prog=program, description=description, allow_abbrev=False)
    commands = parser.add_subparsers(dest="name", metavar="COMMAND", required=True)
    for command in COMMANDS:
        usage = f"{program} {command.name} [OPTIONS]"
        subparser = commands.add_parser(
            command.name,
            help=command.summary,
            description=command.text,
            usage=f"{usage} [-- COMMAND...]" if command.takes_command else usage,
            allow_abbrev=False,
        )
        for option in command.options:
            if not option.metavar:
                subparser.add_argument(option.name, action="store_true", help=option.help)
                continue
            default = "" if option.default is None else f"  [default: {option.default:g}]"
            subparser.add_argument(
                option.name,
                action="append" if option.multiple else "store",
                metavar=option.metavar,
                type=option.type,
                default=option.default,
                help=option.help + default,
            )
        subparser.add_argument(
            "--traceback", action="store_true", help="Show the full traceback of an error."
        )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
