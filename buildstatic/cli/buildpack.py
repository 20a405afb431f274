"""``buildstatic buildpack``: what the Cloud Native Buildpack runs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from buildstatic.cli.options import traceback_option

if TYPE_CHECKING:
    from buildstatic.project import Project
    from buildstatic.templates import GeneratedFile

EPILOG = """\b
Examples:
  buildstatic buildpack build   called by bin/build, in the application's directory
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """What the Cloud Native Buildpack runs.

    The buildpack is the directory buildpack/ of buildstatic's sources. A lifecycle calls its
    bin/detect, which needs no Python, and its bin/build, which installs buildstatic and calls this.
    """


@command.command(short_help="Collect, and write the layers' metadata.")
@click.option(
    "--layers",
    envvar="CNB_LAYERS_DIR",
    metavar="DIR",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where layers are written; the lifecycle names it in CNB_LAYERS_DIR.",
)
@traceback_option
def build(layers: Path) -> None:
    """Collect the static files of the application in this directory, and say how it starts.

    The variants are kept in a layer for the next build; launch.toml gets the processes, and the
    static files as a slice, which becomes a layer of its own.
    """
    from buildstatic.platforms import buildpack
    from buildstatic.platforms.server import missing_package_warnings
    from buildstatic.project.detect import detect

    project = detect(Path.cwd(), environ=os.environ)
    collected = _collected(project, layers)
    _write(layers, buildpack.layers(project, collected=collected))
    _say(project, collected, missing_package_warnings(project))


def _collected(project: Project, layers: Path) -> bool:
    """Collect, where there is anything to collect here, and say whether a tree was made."""
    from buildstatic import console
    from buildstatic.errors import StaticfilesNotInstalled
    from buildstatic.platforms import buildpack, commands

    if commands.is_remote(project):
        console.note("The static files are kept elsewhere: the release process collects them.")
        return False
    buildpack.check_place(project)
    try:
        _collect(layers / buildpack.VARIANTS)
    except StaticfilesNotInstalled as error:
        console.note(f"Nothing is collected: {error.problem}")
        return False
    return True


def _collect(variants: Path) -> None:
    """Collect as ``buildstatic collect`` does, with the Python that is on PATH."""
    from buildstatic.cli import collect

    python = shutil.which("python")
    arguments = ["--noinput", f"--cache={variants}", *([f"--python={python}"] if python else [])]
    options = collect.command.make_context("buildstatic collect", arguments).params
    named = {name: options.pop(name) for name in ("path", "manage", "settings", "python")}
    collect.show(collect.collected(**named, options=options), options)


def _write(layers: Path, files: tuple[GeneratedFile, ...]) -> None:
    from buildstatic.templates.write import encoded

    for file in files:
        path = layers / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(file))


def _say(project: Project, collected: bool, warnings: tuple[str, ...]) -> None:
    from buildstatic import console
    from buildstatic.platforms import buildpack

    for text in warnings:
        console.warn(text)
    for process in buildpack.processes(project):
        console.note(f"{process.type:<11} {process.command[-1]}")
    if collected and project.static_root is None:
        console.warn(
            "STATIC_ROOT was not found by reading, so its files are in no layer of their own."
        )
