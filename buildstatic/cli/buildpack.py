"""``buildstatic buildpack``: the build phase of the Cloud Native Buildpack."""

from __future__ import annotations

from pathlib import Path

import click

from buildstatic.cli.options import DIRECTORY, traceback_option

EPILOG = """\b
Examples:
  buildstatic buildpack build   called by bin/build, in the application's directory
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Run the build phase of the Cloud Native Buildpack.

    The buildpack is the directory buildpack/ of the source repository. A lifecycle calls its
    bin/detect, which does not need Python, and its bin/build, which installs buildstatic and calls
    this command.
    """


@command.command(short_help="Collect the static files and write the layers' metadata.")
@click.option(
    "--layers",
    envvar="CNB_LAYERS_DIR",
    metavar="DIR",
    required=True,
    type=DIRECTORY,
    help="Directory of the layers. [default: CNB_LAYERS_DIR, which the lifecycle sets]",
)
@traceback_option
def build(layers: Path) -> None:
    """Collect the static files of the application in this directory, and declare its processes.

    Compressed variants are kept in a layer for the next build. launch.toml gets the processes, and
    the static files as a slice, which becomes a separate layer.
    """
    from buildstatic import console
    from buildstatic.cli.progress import reporter
    from buildstatic.cli.summary import print_collected
    from buildstatic.workflows.buildpack import build

    with reporter() as report:
        result = build(Path.cwd(), layers, isolate=False, report=report)
    if result.collected:
        print_collected(result.collected)
    for process in result.processes:
        console.note(f"{process.type:<11} {process.command[-1]}")
