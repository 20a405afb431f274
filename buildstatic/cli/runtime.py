"""``buildstatic start`` and ``buildstatic release``: the commands that run in the container.

Their options are in `buildstatic.runtime.options`, for click here and for argparse without click.
"""

from __future__ import annotations

from typing import Any

import click

from buildstatic.cli.options import traceback_option
from buildstatic.runtime.commands import run
from buildstatic.runtime.options import RELEASE, START, RuntimeCommand, make_options, split_command


class _Command(click.Command):
    """A command that takes the words after ``--`` unparsed, as the command to run."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words before ``--``."""
        before, ctx.obj = split_command(args)
        return super().parse_args(ctx, before)


def _click_command(runtime: RuntimeCommand, epilog: str) -> click.Command:
    """Return the click command that runs *runtime* with its options."""

    def callback(**values: Any) -> int:
        context = click.get_current_context()
        if context.obj and not runtime.takes_command:
            raise click.UsageError(f"{runtime.name} takes no command: {' '.join(context.obj)}")
        return run(runtime.name, make_options(values, context.obj))

    command = _Command(
        runtime.name,
        callback=callback,
        help=runtime.text,
        epilog=epilog,
        options_metavar="[OPTIONS] [-- COMMAND...]" if runtime.takes_command else "[OPTIONS]",
        params=[
            click.Option(
                [option.name],
                help=option.help,
                is_flag=not option.metavar,
                metavar=option.metavar or None,
                multiple=option.multiple,
                default=option.default,
                type=option.type if option.metavar else None,
                show_default=option.default is not None,
            )
            for option in runtime.options
        ],
    )
    return traceback_option(command)


start = _click_command(
    START,
    """\b
Examples:
  buildstatic start                      wait for the database, then run the server
  buildstatic start --migrate            one of several replicas migrates, the others wait
  buildstatic start -- uvicorn --host 0.0.0.0 mysite.asgi:application
""",
)
release = _click_command(
    RELEASE,
    """\b
Examples:
  buildstatic release                    wait for the database, then migrate
  buildstatic release --wait 300         for a database that starts slowly
  buildstatic release --database default --database reports
""",
)
