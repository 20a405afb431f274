"""``buildstatic collect``: the project's static files, collected by its own Python."""

from __future__ import annotations

import json
import os
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from buildstatic.cli.options import (
    configured,
    is_given,
    manage_option,
    path_option,
    python_option,
    settings_option,
    traceback_option,
)

if TYPE_CHECKING:
    from buildstatic.collect import Collected, Request
    from buildstatic.errors import VariablesMissing
    from buildstatic.project import Project
    from buildstatic.project.config import Config

EPILOG = """\b
Examples:
  buildstatic collect --noinput                      into STATIC_ROOT, no question asked
  buildstatic collect --noinput --clear              without what an earlier run left there
  buildstatic collect --noinput -i '*.scss'          without the sources of the style sheets
  buildstatic collect --noinput --layer-root /layer  in a container build, for COPY --link
  buildstatic collect --plan                         what would be collected, and why not the rest
  buildstatic collect --noinput --compress fast      for a preview, where time matters
  buildstatic collect --python /opt/venv/bin/python  with the Python of that environment
"""

ENGINES_OWN = ("prune", "hardlinks", "compress", "formats", "reuse", "missing_maps")


def _formats(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[str, ...]:
    formats = tuple(value.split(",")) if value else ()
    for name in formats:
        if name not in ("gz", "br", "zst"):
            raise click.BadParameter(f"{name!r} is none of gz, br and zst.")
    return formats


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
    "--compress",
    type=click.Choice(["none", "fast", "best"]),
    help="Variants: none, quick ones, the smallest; by itself what the storage makes.",
)
@click.option(
    "--formats",
    metavar="LIST",
    callback=_formats,
    help="The variants to make, as gz,br,zst; by itself those that the storage makes.",
)
@click.option(
    "--cache",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where variants are kept, in place of ~/.cache/buildstatic.",
)
@click.option(
    "--reuse",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Take variants from an earlier tree, such as a previous image's.",
)
@click.option(
    "--hardlinks/--no-hardlinks",
    default=False,
    help="Make equal files one file with several names.",
)
@click.option(
    "--prune/--no-prune", default=False, help="Remove what earlier runs have left in the tree."
)
@click.option(
    "--strict/--no-strict",
    default=False,
    help="Fail where files of one path have different content.",
)
@click.option(
    "--missing-maps",
    type=click.Choice(["fail", "warn"]),
    default="fail",
    show_default=True,
    help="What a source map is that a file names and that is not there.",
)
@click.option("--plan", is_flag=True, help="Print what would be collected; write nothing.")
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the plan and the summary into FILE, as JSON.",
)
@python_option
@path_option
@manage_option
@settings_option
@traceback_option
@click.pass_context
def command(
    context: click.Context,
    /,
    path: Path,
    manage: str | None,
    settings: str | None,
    python: Path | None,
    **options: Any,
) -> None:
    """Collect the static files, in place of manage.py collectstatic.

    The files, their names and their bytes are those of the project's own Django with the project's
    own storage; for a storage that buildstatic does not know, its own code runs. Files
    that shadow one another by accident are pointed out. SECRET_KEY gets a throwaway value where it
    is read from the environment and not set, and other variables those of [tool.buildstatic.env].
    """
    if options["link"] and options["layer_root"]:
        raise click.UsageError("A layer holds files, not links: leave out --link or --layer-root.")
    options = _configured(context, path, options)
    show(collected(path, manage, settings, python, options), options)


def _configured(context: click.Context, path: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Return *options* with those of the project in *path*, whose root its cache counts from.

    The report counts from the directory that we are in now: collecting may change to another.
    """
    said = configured(context, "collect", path, options)
    if said["report"]:
        said["report"] = said["report"].absolute()
    if said["cache"] and not is_given(context, "cache"):
        said["cache"] = path.resolve() / said["cache"]
    return {**said, "given": tuple(_given(context))}


def _given(context: click.Context) -> Iterator[str]:
    """Yield the options on the command line that ask for what Django's own loop does not do."""
    for name in ENGINES_OWN:
        if is_given(context, name) and context.params[name] not in (False, "fail"):
            yield f"--{name.replace('_', '-')}"


def collected_into(layer_root: Path, words: Sequence[str], *, is_image: bool = True) -> Collected:
    """Collect into *layer_root* as the command line does, *words* being more of its options.

    *is_image* tells whether we are where the image is made, with the directories that it has.
    """
    arguments = ["--noinput", f"--layer-root={layer_root}", *words]
    context = command.make_context("buildstatic collect", arguments)
    options = dict(context.params)
    named = {name: options.pop(name) for name in ("path", "manage", "settings", "python")}
    options = _configured(context, named["path"], options)
    return collected(**named, options={**options, "is_image": is_image})


def collected(
    path: Path,
    manage: str | None,
    settings: str | None,
    python: Path | None,
    options: dict[str, Any],
) -> Collected:
    """Collect the project in *path*, as the *options* of this command say."""
    from buildstatic.errors import VariablesMissing
    from buildstatic.project.config import load
    from buildstatic.project.detect import detect
    from buildstatic.project.environment import placeholders

    project = detect(path, manage=manage, settings=settings, environ=os.environ)
    config = load(project.root)
    environ = {**os.environ, **placeholders(project, config, os.environ)}
    try:
        return _collect(
            _request(project, config, options), python, environ, only_plan=options["plan"]
        )
    except VariablesMissing as error:
        raise _all_missing(error, project, environ) from error


def _request(project: Project, config: Config, options: dict[str, Any]) -> Request:
    from buildstatic.collect import Request
    from buildstatic.project.ignore import patterns

    root = project.root.absolute()
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
        layer_root=_absolute(options["layer_root"]),
        compress=options["compress"] or config.compress,
        formats=options["formats"] or config.formats,
        cache=_absolute(options["cache"]),
        reuse=_absolute(options["reuse"]),
        hardlinks=options["hardlinks"],
        prune=options["prune"],
        strict=options["strict"],
        missing_maps=options["missing_maps"],
        patterns=patterns(project.root, config),
        libraries=tuple({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}),
        with_plan=bool(options["report"]),
        is_image=options.get("is_image", True),
        given=options.get("given", ()),
    )


def _absolute(path: Path | None) -> str | None:
    return str(path.absolute()) if path else None


def show(collected: Collected, options: dict[str, Any]) -> None:
    """Print what was *collected*, or the plan, as the *options* of this command say."""
    from buildstatic.cli import collecting

    if options["report"]:
        # Of a plan alone there is nothing to sum up.
        summary = {} if options["plan"] else {"summary": asdict(collected.summary)}
        document = {**(collected.plan or {}), **summary}
        options["report"].write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if options["plan"] and collected.plan is not None:
        collecting.plan(collected.plan)
        return
    if options["verbosity"]:
        collecting.report(collected.summary)
    if collected.closing:
        click.echo(collected.closing)


def _collect(
    request: Request, python: Path | None, environ: Mapping[str, str], *, only_plan: bool
) -> Collected:
    """Collect here, where Django imports here, else in a child of the project's Python."""
    from buildstatic.cli.collecting import telling
    from buildstatic.collect import Collected, Summary, collect, plan
    from buildstatic.interpreter.find import check_python, find_python, has_django
    from buildstatic.interpreter.process import call, collect_with

    with telling(quiet=request.verbosity == 0) as tell:
        if python is None and has_django():
            os.environ.update(environ)
            if only_plan:
                return Collected("", Summary(), plan(request))
            return collect(request, tell)
        directory = request.directory
        if python is not None:
            python = check_python(python.absolute(), directory, environ)
        else:
            python = find_python(Path(request.root), directory, environ)
        if only_plan:
            return Collected("", Summary(), call(python, "plan", request, environ, tell))
        return collect_with(python, request, environ, tell)


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
