"""Options that several commands share, and the defaults that ``[tool.buildstatic]`` sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from buildstatic.project.packages.known import DependencyOptions

DROPPED = "an attestation or similar of the base, or not in its engine"
DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)

path_argument = click.argument("path", required=False, default=".", type=DIRECTORY)
path_option = click.option(
    "--path",
    "path",
    metavar="DIR",
    default=".",
    type=DIRECTORY,
    help="Root directory of the project. [default: the current directory]",
)
manage_option = click.option(
    "--manage",
    metavar="FILE",
    help="manage.py to use, relative to the root. [default: the one found]",
)
settings_option = click.option(
    "--settings", metavar="MODULE", help="Settings module to use. [default: the one found]"
)
_requirement_option = click.option(
    "--requirement",
    "-r",
    "requirements",
    multiple=True,
    metavar="FILE",
    help="Dockerfile: requirements file to install, can be repeated. [default: those found]",
)
_group_option = click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="NAME",
    help="Dockerfile: dependency group to install, can be repeated. [default: those found]",
)
_extra_option = click.option(
    "--extra",
    "extras",
    multiple=True,
    metavar="NAME",
    help="Dockerfile: extra to install, can be repeated. [default: those found]",
)


def dependency_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `chosen_dependencies` to the command *function*."""
    return _requirement_option(_group_option(_extra_option(function)))


def chosen_dependencies(
    requirements: tuple[str, ...], groups: tuple[str, ...], extras: tuple[str, ...]
) -> DependencyOptions:
    """Return what the options of `dependency_options` select instead of what would be found."""
    from buildstatic.project.packages.known import DependencyOptions

    return DependencyOptions(requirements, groups or None, extras or None)


python_option = click.option(
    "--python",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Python interpreter of the project. [default: the one found]",
)
serve_option = click.option(
    "--serve",
    type=click.Choice(["nginx", "caddy"]),
    help="Dockerfile: server for the static files, in a separate image (--target assets). "
    "[default: the application]",
)
_keep_option = click.option(
    "--keep", metavar="IMAGE", help="Keep the fingerprinted files of an earlier image."
)
_keep_releases_option = click.option(
    "--keep-releases",
    metavar="N",
    type=click.IntRange(1, 20),
    default=1,
    show_default=True,
    help="Number of earlier releases to keep.",
)


def keep_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --keep and --keep-releases to the command *function*."""
    return _keep_option(_keep_releases_option(function))


traceback_option = click.option(
    "--traceback", is_flag=True, expose_value=False, help="Show the full traceback of an error."
)


def configured(
    context: click.Context, command: str, root: Path, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return *values*, options of *command*, with the defaults that the project in *root* sets.

    Options on the command line that *context* was made from take precedence over
    ``[tool.buildstatic.<command>]``.
    """
    from buildstatic.project.config import load

    table = load(root.resolve()).options(command)
    return {
        name: table[name] if name in table and not is_given(context, name) else value
        for name, value in values.items()
    }


def given(context: click.Context, names: Iterable[str]) -> dict[str, Any]:
    """Return the values of those of *names* that are on the command line."""
    return {name: context.params[name] for name in names if is_given(context, name)}


def is_given(context: click.Context, name: str) -> bool:
    """Return whether the parameter *name* is on the command line.

    click 8.1 reports an argument of any number of values as given, even if there are none.
    """
    source = context.get_parameter_source(name)
    return source == click.core.ParameterSource.COMMANDLINE and context.params.get(name) != ()
