"""What ``start`` and ``release`` share: the options of the runtime, as click has them."""

from __future__ import annotations

from typing import Any

import click

from buildstatic.cli.options import traceback_option
from buildstatic.runtime.options import Command, split, wishes
from buildstatic.runtime.run import run


class _Command(click.Command):
    """A command whose words after ``--`` are the command to run, as they are."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before ``--``."""
        before, ctx.obj = split(args)
        return super().parse_args(ctx, before)


def command(of: Command, epilog: str) -> click.Command:
    """Return the click command that runs *of* with its options."""

    def callback(**values: Any) -> int:
        context = click.get_current_context()
        if context.obj and not of.takes_command:
            raise click.UsageError(f"{of.name} takes no command: {' '.join(context.obj)}")
        return run(of.name, wishes(values, context.obj))

    made = _Command(
        of.name,
        callback=callback,
        help=of.text,
        epilog=epilog,
        options_metavar="[OPTIONS] [-- COMMAND...]" if of.takes_command else "[OPTIONS]",
        params=[
            click.Option(
                [option.name],
                help=option.help,
                is_flag=not option.metavar,
                metavar=option.metavar or None,
                multiple=option.multiple,
                default=option.default,
                type=option.kind if option.metavar else None,
                show_default=option.default is not None,
            )
            for option in of.options
        ],
    )
    return traceback_option(made)
