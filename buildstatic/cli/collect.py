"""``buildstatic collect``: collects the static files, with Django's options and Django's output."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click

from buildstatic.cli.options import (
    given,
    manage_option,
    path_option,
    python_option,
    settings_option,
    traceback_option,
)

EPILOG = """\b
Examples:
  buildstatic collect --noinput                      collect into STATIC_ROOT without asking
  buildstatic collect --noinput --clear              delete what an earlier run left first
  buildstatic collect --noinput -i '*.scss'          leave out the sources of style sheets
  buildstatic collect --noinput --layer-root /layer  in a container build, for COPY --link
  buildstatic collect --plan                         show what would be collected, and why
  buildstatic collect --noinput --compress fast      for a preview, where time matters
  buildstatic collect --python /opt/venv/bin/python  with the Python of that environment
"""
# Options that are fields of CollectOptions under the same name.
_SAME = (
    *("clear", "dry_run", "ignore", "link", "verbosity", "layer_root", "compress", "formats"),
    *("cache", "reuse", "hardlinks", "prune", "strict", "missing_maps", "before", "after"),
)


def _formats(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[str, ...]:
    formats = tuple(value.split(",")) if value else ()
    for name in formats:
        if name not in ("gz", "br", "zst"):
            raise click.BadParameter(f"{name!r} is not one of gz, br and zst.")
    return formats


@click.command(epilog=EPILOG)
@click.option(
    "--noinput", "--no-input", is_flag=True, help="Overwrite existing files without asking."
)
@click.option("--clear", "-c", is_flag=True, help="Delete existing files before collecting.")
@click.option("--dry-run", "-n", is_flag=True, help="Do everything except write files.")
@click.option(
    "--ignore",
    "-i",
    metavar="PATTERN",
    multiple=True,
    help="Ignore files and directories that match PATTERN; can be repeated.",
)
@click.option(
    "--no-default-ignore",
    is_flag=True,
    help="Collect files that are ignored by default: CVS, .* and *~.",
)
@click.option("--link", "-l", is_flag=True, help="Create symbolic links instead of copies.")
@click.option(
    "--no-post-process", is_flag=True, help="Only copy: do not fingerprint or compress files."
)
@click.option(
    "--verbosity",
    "-v",
    type=click.IntRange(0, 3),
    default=1,
    show_default=True,
    help="Django's verbosity: 0 prints nothing, 2 every file.",
)
@click.option(
    "--layer-root",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Lay the files out below DIR as in the image, reproducibly. [default: STATIC_ROOT]",
)
@click.option(
    "--layer-tar",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what --layer-root lays out to FILE, as one tar.",
)
@click.option(
    "--compress",
    type=click.Choice(["none", "fast", "best"]),
    help="Compressed variants: none, fast or smallest. [default: those of the storage]",
)
@click.option(
    "--formats",
    metavar="LIST",
    callback=_formats,
    help="Formats of the variants, such as gz,br,zst. [default: those of the storage]",
)
@click.option(
    "--cache",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Cache of compressed variants. [default: ~/.cache/buildstatic]",
)
@click.option(
    "--reuse",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Reuse variants of an earlier tree, such as that of a previous image.",
)
@click.option(
    "--hardlinks/--no-hardlinks",
    default=False,
    show_default=True,
    help="Make equal files hard links of one file.",
)
@click.option(
    "--prune/--no-prune",
    default=False,
    show_default=True,
    help="Remove files of earlier runs that are no longer collected.",
)
@click.option(
    "--strict/--no-strict",
    default=False,
    show_default=True,
    help="Fail if files of the same path have different content.",
)
@click.option(
    "--missing-maps",
    type=click.Choice(["fail", "warn"]),
    default="fail",
    show_default=True,
    help="Treat missing source maps as errors or as warnings.",
)
@click.option(
    "--before",
    metavar="COMMAND",
    multiple=True,
    help="Command of manage.py to run before collecting; can be repeated.",
)
@click.option(
    "--after",
    metavar="COMMAND",
    multiple=True,
    help="Command of manage.py to run after collecting; can be repeated.",
)
@click.option(
    "--plan", "only_plan", is_flag=True, help="Print what would be collected; write nothing."
)
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the plan and the summary to FILE as JSON.",
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
    noinput: bool,
    no_default_ignore: bool,
    no_post_process: bool,
    link: bool,
    verbosity: int,
    layer_root: Path | None,
    layer_tar: Path | None,
    only_plan: bool,
    report: Path | None,
    **_: Any,
) -> None:
    """Collect the static files, in place of manage.py collectstatic.

    Files, names and bytes are those that the project's own Django and storage would write; a
    storage that buildstatic does not know runs its own code. Accidental conflicts between
    files are reported. SECRET_KEY is set to a random value if it is read from an environment
    variable that is not set; placeholders for other variables are read from
    [tool.buildstatic.env].
    """
    from buildstatic import console
    from buildstatic.cli.progress import reporter
    from buildstatic.cli.summary import print_collected
    from buildstatic.workflows.collect import collect, collect_tar, configured_options, plan

    if link and (layer_root or layer_tar):
        raise click.UsageError("A layer cannot hold links: omit --link.")
    if layer_tar and (layer_root or only_plan or context.params["dry_run"]):
        raise click.UsageError("--layer-tar writes: omit --layer-root, --plan and --dry-run.")
    # Collecting in this process changes the current directory.
    report = report.absolute() if report else None
    options = configured_options(
        path,
        interactive=not noinput,
        default_ignore=not no_default_ignore,
        post_process=not no_post_process,
        **given(context, _SAME),
    )
    project: Any = {"manage": manage, "settings": settings, "python": python, "isolate": False}
    if only_plan:
        document = plan(path, options, **project)
    else:
        run = partial(collect_tar, layer_tar) if layer_tar else collect
        with reporter(quiet=verbosity == 0) as listener:
            collected = run(path, options, with_plan=report is not None, report=listener, **project)
        document = {**(collected.plan or {}), "summary": asdict(collected.summary)}
    if report:
        report.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if only_plan:
        _print_plan(document)
    else:
        print_collected(collected, verbosity)
    if layer_root and verbosity and not (only_plan or options.dry_run):
        console.next_command("buildstatic", "layer", str(layer_root), "--output", "layer.tar.gz")


def _print_plan(plan: Mapping[str, Any]) -> None:
    """Print *plan* as a table: what is collected, shadowed and ignored, and why."""
    from buildstatic import console

    rows = [("collected", file["path"], file["source"], "") for file in plan["files"]]
    for item in plan["shadowed"]:
        content = "equal" if item["equal"] else "different"
        rows.append(("shadowed", item["path"], item["source"], f"{content}, by {item['by']}"))
    rows += [
        ("ignored", item["path"], item["source"], f"by {item['rule']}") for item in plan["ignored"]
    ]
    console.table(rows, header=("", "path", "source", "why"))
