"""``buildstatic check``: what will bite in a project, what was found in it, what it lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from buildstatic.cli.options import (
    configured,
    manage_option,
    path_argument,
    python_option,
    settings_option,
    traceback_option,
)

if TYPE_CHECKING:
    from buildstatic.cli.findings import Checkup
    from buildstatic.project import Edit, Fact, Project, Variable

FACTS = (
    "manage",
    "settings",
    "wsgi",
    "asgi",
    "python",
    "dependencies",
    "server",
    "whitenoise",
    "database",
    "frontend",
    "static_root",
    "static_url",
    "storage",
    "remote",
)

LEVELS = ("error", "warning", "info")

EPILOG = """\b
Examples:
  buildstatic check                                  the project in this directory
  buildstatic check shop --manage shop/manage.py     another, of which there are several
  buildstatic check --settings mysite.settings.prod  as it is with these settings
  buildstatic check --fix                            make the fixes that are safe
  buildstatic check --format github                  in CI, as annotations of the files
  buildstatic check --json | jq -r .project.static_root.value

\b
The project is read, and then imported by its own Python to look at conflicts and references;
--no-run leaves that out. A value that reading cannot tell is left open.
"""


@click.command(epilog=EPILOG)
@path_argument
@manage_option
@settings_option
@python_option
@click.option("--fix", is_flag=True, help="Make the fixes that are safe.")
@click.option(
    "--fail-level",
    type=click.Choice(LEVELS),
    default="error",
    show_default=True,
    help="Exit with 1 if there is a finding of this severity or a graver one.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="How it is printed; github are annotations for GitHub Actions.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--no-run", is_flag=True, help="Read only: run nothing of the project's.")
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
    form: str,
    as_json: bool,
    no_run: bool,
) -> int:
    """Say what will bite in production, each with its fix, and what was found in the project.

    PATH is the project's root. First the findings, the gravest first: where, what, why it bites,
    and the fix. After them the facts, each with the file and line that it came from; the
    environment variables that the settings demand; and the edits that the project still needs,
    ready to paste.
    """
    from buildstatic.checks import Severity
    from buildstatic.cli import findings

    def examine() -> findings.Checkup:
        return findings.examine(path, manage, settings, python, runs=not no_run)

    level = configured(context, "check", path, {"fail_level": fail_level})["fail_level"]
    checkup = examine()
    if fix and (made := findings.repair(checkup)):
        findings.say_made(made)
        checkup = examine()
    match "json" if as_json else form:
        case "json":
            click.echo(json.dumps(_document(checkup), indent=2))
        case "github":
            findings.annotate(checkup)
        case _:
            findings.say(checkup)
            _print_project(checkup)
    gravest = max((finding.severity for finding in checkup.findings), default=0)
    return 1 if gravest >= Severity[level.upper()] else 0


def _print_project(checkup: Checkup) -> None:
    from buildstatic.project.config import load

    _print_facts(checkup.project)
    _print_notes(checkup.project)
    _print_variables(checkup.project, load(checkup.project.root).env)
    _print_edits(checkup.edits)


def _document(checkup: Checkup) -> dict[str, Any]:
    from buildstatic.cli.findings import described

    project, edits = checkup.project, checkup.edits
    root = {"value": ".", "from": project.manage.source}
    facts = {name: _fact(getattr(project, name)) for name in FACTS}
    return {
        "findings": [described(finding) for finding in checkup.findings],
        "unexamined": checkup.unexamined or None,
        "project": {"root": root, **facts},
        "variables": [
            {"name": item.name, "required": item.required, "from": item.source}
            for item in project.variables
        ],
        "edits": [
            {"file": edit.file, "where": edit.where, "why": edit.why, "text": edit.text}
            for edit in edits
        ],
        "notes": list(project.notes),
    }


def _fact(fact: Fact[Any] | None) -> dict[str, Any] | None:
    return None if fact is None else {"value": _value(fact.value), "from": fact.source}


def _value(value: object) -> object:
    """Return *value* as JSON has it: what matters of it to others."""
    from buildstatic.project import Database, Dependencies, Frontend, Server

    match value:
        case Dependencies(manager=manager, file=file):
            return {"manager": manager, "file": file}
        case Frontend(manager=manager, directory=directory, lock=lock):
            return {"manager": manager, "directory": directory, "lock": lock}
        case Server(name=name) | Database(driver=name):
            return name
        case _:
            return value


def _print_facts(project: Project) -> None:
    from buildstatic import console

    rows = [("root", str(project.root), project.manage.source)]
    rows += [(name, *_row(getattr(project, name))) for name in FACTS]
    console.table(rows, header=("fact", "value", "from"))


def _row(fact: Fact[Any] | None) -> tuple[str, str]:
    return ("-", "not found") if fact is None else (_words(fact.value), fact.source)


def _words(value: object) -> str:
    """Return *value* for a person to read."""
    from buildstatic.project import Database, Dependencies, Frontend, Server

    match value:
        case bool():
            return "yes" if value else "no"
        case Dependencies(manager=manager, file=file):
            return f"{file} ({manager})"
        case Frontend(manager=manager, directory=directory, build=build):
            return f"{manager} {'run build' if build else 'install'}, in {directory}"
        case Server(name=name, specifier=specifier):
            return f"{name}{specifier}"
        case Database(driver=driver, build_packages=build, run_packages=run):
            return f"{driver}{_packages(build, run)}"
        case _:
            return str(value)


def _packages(build: Sequence[str], run: Sequence[str]) -> str:
    parts = [
        *([f"builds with {' '.join(build)}"] if build else []),
        *([f"runs with {' '.join(run)}"] if run else []),
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _print_notes(project: Project) -> None:
    from buildstatic import console

    if project.notes:
        console.say()
    for text in project.notes:
        console.say(f"note: {text}")


def _print_variables(project: Project, placeholders: Mapping[str, str]) -> None:
    """Print the variables that the settings read, and placeholders for those that they demand."""
    from buildstatic import console
    from buildstatic.project.environment import paste

    if not project.variables:
        return
    console.say()
    rows = [
        (item.name, _demand(item, project, placeholders), item.source) for item in project.variables
    ]
    console.table(rows, header=("variable", "", "from"))
    lacking = list(_lacking(project, placeholders))
    if lacking:
        console.say("\nCollecting needs a placeholder for each, in pyproject.toml:\n")
        console.say(paste(lacking))


def _demand(variable: Variable, project: Project, placeholders: Mapping[str, str]) -> str:
    need = "required" if variable.required else "optional"
    if variable.name in placeholders:
        return f"{need}, has a placeholder for collecting"
    if project.secret_key and variable.name == project.secret_key.name:
        return f"{need}, a throwaway while collecting"
    return need


def _lacking(project: Project, placeholders: Mapping[str, str]) -> Iterator[Variable]:
    from buildstatic.project.environment import missing

    key = project.secret_key.name if project.secret_key else None
    return (item for item in missing(project, placeholders) if item.name != key)


def _print_edits(edits: Sequence[Edit]) -> None:
    from buildstatic import console

    if edits:
        console.say("\nStill needed:")
    for edit in edits:
        console.say(f"\n{edit.file}, {edit.where}: {edit.why}\n\n{edit.text}")
