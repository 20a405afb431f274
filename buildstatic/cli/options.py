"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

path_argument = click.argument(
    "path",
    required=False,
    default=".",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
path_option = click.option(
    "--path",
    "path",
    default=".",
    show_default="this directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The project's root.",
)
manage_option = click.option(
    "--manage", metavar="FILE", help="The manage.py to use, relative to the root."
)
settings_option = click.option(
    "--settings", metavar="MODULE", help="The settings module, in place of the one found."
)
python_option = click.option(
    "--python",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The project's Python, in place of the one found.",
)
serve_option = click.option(
    "--serve",
    type=click.Choice(["nginx", "caddy"]),
    help="Dockerfile: what serves the static files, in an image of their own (--target assets); "
    "by itself the application.",
)
traceback_option = click.option(
    "--traceback", is_flag=True, expose_value=False, help="Show the traceback of an error."
)


def configured(
    context: click.Context, command: str, root: Path, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return *given*, options of *command*, with those of ``[tool.buildstatic]`` in *root*.

    What stands on the command line that *context* was made from goes before the file's.
    """
    from buildstatic.project.config import load

    said = load(root.resolve()).options(command)
    return {
        name: said[name] if name in said and not is_given(context, name) else value
        for name, value in given.items()
    }


def is_given(context: click.Context, name: str) -> bool:
    """Say whether the parameter *name* stands on the command line.

    An argument of any number of values is said to, by click 8.1, where there is none of them.
    """
    is_there = context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE
    return is_there and context.params.get(name) != ()
