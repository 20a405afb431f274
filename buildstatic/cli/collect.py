"""``buildstatic collect``: the project's static files, collected by its own Python."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from buildstatic.cli.options import manage_option, path_option, settings_option, traceback_option

if TYPE_CHECKING:
    from buildstatic.collect import Request
    from buildstatic.errors import VariablesMissing
    from buildstatic.project import Project

EPILOG = """\b
Examples:
  buildstatic collect --noinput                      into STATIC_ROOT, no question asked
  buildstatic collect --noinput --clear              without what an earlier run left there
  buildstatic collect --noinput -i '*.scss'          without the sources of the style sheets
  buildstatic collect --noinput --layer-root /layer  in a container build, for COPY --link
  buildstatic collect --python /opt/venv/bin/python  with the Python of that environment
"""


@click.command(epilog=EPILOG)
@click.option(
    "--noinput", "--no-input", is_flag=True, help="Overwrite existing files without asking."
)
@click.option("--clear", "-c", is_flag=True, help="Delete what is there before collecting.")
@click.option("--dry-run", "-n", is_flag=True, help="Do everything except write.")
@click.option(
    "--ignore",
    "-i",
    metavar="PATTERN",
    multiple=True,
    help="Leave out files and directories that match; may be repeated.",
)
@click.option(
    "--no-default-ignore",
    is_flag=True,
    help="Collect what is left out by default: CVS, .* and *~.",
)
@click.option("--link", "-l", is_flag=True, help="Make symbolic links instead of copies.")
@click.option("--no-post-process", is_flag=True, help="Copy only: no fingerprints, no compression.")
@click.option(
    "--verbosity",
    "-v",
    type=click.IntRange(0, 3),
    default=1,
    show_default=True,
    help="How much Django says: 0 nothing, 2 every file.",
)
@click.option(
    "--layer-root",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Lay the files out under DIR as they stand in the image, the same bytes every time.",
)
@click.option(
    "--python",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The project's Python, in place of the one found.",
)
@path_option
@manage_option
@settings_option
@traceback_option
def command(
    path: Path, manage: str | None, settings: str | None, python: Path | None, **options: Any
) -> None:
    """Collect the static files, in place of manage.py collectstatic.

    What runs is the collectstatic of the project's own Django with the project's own storage.
    Beside that, files that shadow one another by accident are pointed out; SECRET_KEY gets a
    throwaway value where it is read from the environment and not set, and other variables those
    of [tool.buildstatic.env].
    """
    from buildstatic.errors import VariablesMissing
    from buildstatic.project.config import load
    from buildstatic.project.detect import detect
    from buildstatic.project.environment import placeholders

    if options["link"] and options["layer_root"]:
        raise click.UsageError("A layer holds files, not links: leave out --link or --layer-root.")
    project = detect(path, manage=manage, settings=settings, environ=os.environ)
    environ = {**os.environ, **placeholders(project, load(project.root), os.environ)}
    try:
        closing = _collect(_request(project, options), python, environ)
    except VariablesMissing as error:
        raise _all_missing(error, project, environ) from error
    if closing:
        click.echo(closing)


def _request(project: Project, options: dict[str, Any]) -> Request:
    from buildstatic.collect import Request

    root, layer_root = project.root.absolute(), options["layer_root"]
    return Request(
        root=str(root),
        manage=str(root / project.manage.value),
        settings=project.settings.value,
        interactive=not options["noinput"],
        clear=options["clear"],
        dry_run=options["dry_run"],
        ignore=options["ignore"],
        default_ignore=not options["no_default_ignore"],
        link=options["link"],
        post_process=not options["no_post_process"],
        verbosity=options["verbosity"],
        layer_root=str(layer_root.absolute()) if layer_root else None,
    )


def _collect(request: Request, python: Path | None, environ: Mapping[str, str]) -> str:
    """Collect here, where Django imports here, else in a child of the project's Python."""
    from buildstatic import console
    from buildstatic.collect import collect
    from buildstatic.collect.interpreter import check_python, find_python, has_django
    from buildstatic.collect.process import collect_with

    if python is None and has_django():
        os.environ.update(environ)
        return collect(request, console.warn)
    directory = request.directory
    if python is not None:
        python = check_python(python.absolute(), directory, environ)
    else:
        python = find_python(Path(request.root), directory, environ)
    return collect_with(python, request, environ, console.warn)


def _all_missing(
    error: VariablesMissing, project: Project, environ: Mapping[str, str]
) -> VariablesMissing:
    """Return *error* with every variable that the settings demand, and the lines to paste."""
    from buildstatic.errors import VariablesMissing
    from buildstatic.project import Variable
    from buildstatic.project.environment import missing, paste

    variables = list(missing(project, environ))
    others = [variable.name for variable in variables if variable.name != error.name]
    if len(others) == len(variables):
        variables.insert(0, Variable(error.name, True, project.settings.source))
    also = f" The settings also demand {', '.join(others)}." if others else ""
    advice = "Set them, or give them placeholders for collecting, in pyproject.toml:\n\n"
    return VariablesMissing(error.problem + also, advice + paste(tuple(variables)), error.name)
