"""``buildstatic check``: prints the deployment problems of a project and what was found in it."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any, TypeVar

import click

from buildstatic.cli.check_document import FACTS, document
from buildstatic.cli.options import (
    configured,
    manage_option,
    path_argument,
    python_option,
    settings_option,
    traceback_option,
)

if TYPE_CHECKING:
    from buildstatic.checks import Finding
    from buildstatic.project import Edit, Fact
    from buildstatic.workflows.check import ProjectCheck

# How many findings of a group are listed beside the first one without -v.
SHOWN = 2
T = TypeVar("T")
# How many variables of a list are printed without -v.
VARIABLES = 10
COLOURS = {"error": "bold red", "warning": "yellow", "info": "cyan"}
ANNOTATIONS = {"error": "error", "warning": "warning", "info": "notice"}

EPILOG = """\b
Examples:
  buildstatic check                                  check the project in this directory
  buildstatic check shop --manage shop/manage.py     choose one of several manage.py
  buildstatic check --settings mysite.settings.prod  check with other settings
  buildstatic check --fix                            apply safe fixes
  buildstatic check --format github                  annotate files on GitHub Actions
  buildstatic check --json | jq -r .project.static_root.value

\b
The project is read, then imported by its own Python to find conflicts and broken
references; --no-run only reads. With -v, values that were not found are shown as "-".
"""


@click.command(epilog=EPILOG)
@path_argument
@manage_option
@settings_option
@python_option
@click.option("--fix", is_flag=True, help="Apply safe fixes.")
@click.option(
    "--fail-level",
    type=click.Choice(["error", "warning", "info"]),
    default="error",
    show_default=True,
    help="Exit with 1 if a finding has at least this severity.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="Output format; github prints annotations for GitHub Actions.",
)
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
@click.option("--no-run", is_flag=True, help="Only read the project, do not import it.")
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="List every finding, optional variables, and facts that were not found; show what the"
    " project prints.",
)
@traceback_option
@click.pass_context
def command(
    context: click.Context,
    /,
    path: Path,
    manage: str | None,
    settings: str | None,
    python: Path | None,
    fix: bool,
    fail_level: str,
    output_format: str,
    as_json: bool,
    no_run: bool,
    verbose: bool,
) -> int:
    """Find deployment problems and suggest fixes.

    PATH is the root directory of the project. Prints the findings, the most severe first, each
    with its reason and its fix; then the facts found in the project, each with its file and line;
    the environment variables that the settings read; and the changes that the project needs.
    """
    from buildstatic import console
    from buildstatic.checks import Severity
    from buildstatic.workflows.check import check
    from buildstatic.workflows.check import fix as make_fixes

    def run() -> ProjectCheck:
        return check(path, manage=manage, settings=settings, python=python, run=not no_run)

    level = configured(context, "check", path, {"fail_level": fail_level})["fail_level"]
    result = run()
    if fix and (fixed := make_fixes(result)):
        for finding in fixed:
            console.note(f"fixed: {finding.location}: {finding.what} ({finding.code})")
        result = run()
    if result.output.strip() and (verbose or result.failed):
        console.note(f"Output of the project:\n{indent(result.output.strip(), '    ')}")
    match "json" if as_json else output_format:
        case "json":
            click.echo(json.dumps(document(result), indent=2))
        case "github":
            _print_annotations(result)
        case _:
            _print_findings(result, verbose=verbose)
            _print_project(result, verbose=verbose)
            console.next_command(*_next_command(result, context))
    severity = max((finding.severity for finding in result.findings), default=0)
    return 1 if severity >= Severity[level.upper()] else 0


def _next_command(result: ProjectCheck, context: click.Context) -> tuple[str, ...]:
    """Return the words of the command that fixes the findings, or else that goes on.

    None if people have to fix something first.
    """
    from buildstatic.platforms.commands import slug

    root = context.params["path"]
    where = [] if root == Path() else [str(root)]
    if any(finding.autofix for finding in result.findings):
        return ("buildstatic", "check", "--fix", *where)
    if result.edits or any(finding.severity.label == "error" for finding in result.findings):
        return ()
    if (result.project.root / "Dockerfile").is_file():
        return ("buildstatic", "build", "--tag", slug(result.project), *where)
    return ("buildstatic", "generate", *(["--path", *where] if where else []))


def _print_findings(result: ProjectCheck, *, verbose: bool) -> None:
    """Print the findings, those of one code together, and then what was not checked."""
    from buildstatic import console

    groups: dict[str, list[Finding]] = {}
    for finding in result.findings:
        groups.setdefault(f"{finding.code} {finding.severity.label}", []).append(finding)
    for findings in groups.values():
        finding, others = findings[0], findings[1:]
        word = finding.severity.label
        headline = f"{finding.location}: {finding.what} [{finding.code}]"
        console.paragraph(headline, label=f"{word}:", style=COLOURS[word])
        shown = others if verbose or len(others) <= SHOWN + 1 else others[:SHOWN]
        for other in shown:
            console.paragraph(f"{other.location}: {other.what}", indent="    ")
        if len(shown) < len(others):
            console.say(f"    … and {len(others) - len(shown)} more (-v lists all)")
        console.paragraph(finding.why, indent="    ")
        fix = f"Fix: {finding.fix}{' (fixed by --fix)' if finding.autofix else ''}"
        console.paragraph(f"{fix}\n", indent="    ")
    counts = Counter(finding.severity for finding in result.findings)
    words = [
        f"{counts[severity]} {severity.label}{'s' if counts[severity] > 1 else ''}"
        for severity in sorted(counts, reverse=True)
    ]
    if words:
        console.say(f"Found: {', '.join(words)}.")
    elif _other_edits(result):
        console.say("No problems found, but changes are needed to serve the files (below).")
    elif result.skipped:
        console.say("No problems found in what was checked.")
    else:
        console.say("No problems found.")
    for skipped in result.skipped:
        console.paragraph(f"Not checked: {skipped}")
    console.say()


def _other_edits(result: ProjectCheck) -> list[Edit]:
    """Return the edits that are not the fix of a finding as well."""
    # A whole item of the fix: "whitenoise" is also a part of a storage's name.
    return [
        edit
        for edit in result.edits
        if not any(
            re.search(rf"(?<![\w.]){re.escape(edit.text.strip(' ,'))}(?![\w.])", finding.fix)
            for finding in result.findings
        )
    ]


def _print_annotations(result: ProjectCheck) -> None:
    """Print the findings as workflow commands of GitHub Actions.

    https://docs.github.com/actions/reference/workflow-commands-for-github-actions; files are
    relative to the workspace, or to the current directory if GITHUB_WORKSPACE is not set.
    """
    from buildstatic import console

    def escape(text: str) -> str:
        return console.printable(text).replace("%", "%25").replace("\n", "%0A")

    workspace = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    for finding in result.findings:
        file = os.path.relpath(result.project.root / finding.file, workspace)
        line = {"line": str(finding.line)} if finding.line else {}
        properties = ",".join(
            f"{name}={escape(value).replace(':', '%3A').replace(',', '%2C')}"
            for name, value in {"file": file, **line, "title": finding.code}.items()
        )
        message = escape(f"{finding.what} {finding.why}\nFix: {finding.fix}")
        click.echo(f"::{ANNOTATIONS[finding.severity.label]} {properties}::{message}")


def _print_project(result: ProjectCheck, *, verbose: bool) -> None:
    """Print the facts, notes, variables and edits of the project."""
    from buildstatic import console

    project = result.project
    rows = [("root", str(project.root), project.manage.source)]
    for name in FACTS:
        fact = getattr(project, name)
        if fact is None:
            fact = result.undetermined.get(name)
        if isinstance(fact, tuple):
            found = fact or ((None,) if verbose else ())
            rows += [(name.removesuffix("s"), *_row(each)) for each in found]
        elif fact is not None or verbose:
            rows.append((name, *_row(fact)))
    for name in ("before", "after"):
        if commands := getattr(project, f"{name}_collecting"):
            chosen = getattr(project.config, name)
            source = project.config.source(name) if chosen else "INSTALLED_APPS"
            rows.append((f"{name} collecting", ", ".join(commands), source))
    console.table(rows, header=("fact", "value", "from"))
    if result.notes:
        console.say()
    for text in result.notes:
        console.paragraph(text, label="note:")
    _print_variables(result, verbose=verbose)
    edits = _other_edits(result)
    if edits:
        console.say("\nStill needed:")
    for edit in edits:
        console.paragraph(f"\n{edit.file}, {edit.where}: {edit.why}\n")
        console.say(edit.text)


def _row(fact: Fact[Any] | None) -> tuple[str, str]:
    """Return the value of *fact* for people, and its source."""
    from buildstatic.project import Database, Dependencies, Frontend, Server

    if fact is None:
        return "-", "not found"
    match fact.value:
        case bool() as value:
            text = "yes" if value else "no"
        case Dependencies(manager=manager, file=file):
            text = f"{file} ({manager})"
        case Frontend(manager=manager, directory=directory) as frontend:
            commands = frontend.commands or [(directory, f"{manager} install")]
            text = "; ".join(f"{command}, in {place}" for place, command in commands)
        case Server(name=name, specifier=specifier):
            text = f"{name}{specifier}"
        case Database(driver=driver, build_packages=build, run_packages=run):
            packages = [f"builds with {' '.join(build)}"] if build else []
            packages += [f"runs with {' '.join(run)}"] if run else []
            text = f"{driver} ({', '.join(packages)})" if packages else driver
        case value:
            text = str(value)
    return text, fact.source


def _first(items: list[T], verbose: bool) -> list[T]:
    """Return the first ones of many *items*, all of them with *verbose*."""
    return items if verbose or len(items) <= VARIABLES + 1 else items[:VARIABLES]


def _print_variables(result: ProjectCheck, *, verbose: bool) -> None:
    """Print the required variables, or all that the settings read, and placeholders to paste.

    Without *verbose* a variable is printed once, and of many only the first ones.
    """
    from buildstatic import console
    from buildstatic.project.environment import missing, paste

    project, placeholders = result.project, result.project.config.env
    key = project.secret_key.name if project.secret_key else None
    lacking = [item for item in missing(project, placeholders) if item.name != key]
    pasted = {item.name for item in lacking}
    if any(paste(lacking) in finding.fix for finding in result.findings):
        lacking = []
    rows: list[tuple[str, str, str]] = []
    for item in project.variables:
        if not verbose and (not item.required or item.name in pasted):
            continue
        need = "required" if item.required else "optional"
        if item.name in placeholders:
            need += ", has a placeholder for collecting"
        elif item.name == key:
            need += ", random while collecting"
        rows.append((item.name, need, item.source))
    shown = _first(rows, verbose)
    if shown:
        console.say()
        console.table(shown, header=("variable", "", "from"))
    if len(shown) < len(rows):
        console.say(f"… and {len(rows) - len(shown)} more (-v lists all)")
    optional = sum(not item.required for item in project.variables)
    if optional and not verbose:
        console.say(f"\n{optional} optional variable{'s' if optional > 1 else ''} (-v lists all)")
    if lacking:
        console.say("\nCollecting requires a placeholder for each, in pyproject.toml:\n")
        some = _first(lacking, verbose)
        console.say(paste(some))
        if len(some) < len(lacking):
            console.say(f"# … and {len(lacking) - len(some)} more (-v lists all)")
