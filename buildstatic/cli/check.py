"""``buildstatic check``: what was found in a project, and what it still lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from buildstatic.cli.options import (
    manage_option,
    path_argument,
    settings_option,
    traceback_option,
)

if TYPE_CHECKING:
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

EPILOG = """\b
Examples:
  buildstatic check                                  the project in this directory
  buildstatic check shop --manage shop/manage.py     another, of which there are several
  buildstatic check --settings mysite.settings.prod  as it is with these settings
  buildstatic check --json | jq -r .project.static_root.value

\b
The project is read, never imported. A value that reading cannot tell is left open.
"""


@click.command(epilog=EPILOG)
@path_argument
@manage_option
@settings_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@traceback_option
def command(path: Path, manage: str | None, settings: str | None, as_json: bool) -> None:
    """Say what was found in the project in PATH, and what is missing.

    Each fact stands with the file and line that it came from; after them the environment variables
    that the settings demand, and the edits that the project still needs, ready to paste.
    """
    from buildstatic.project.config import load
    from buildstatic.project.detect import detect
    from buildstatic.project.edits import edits

    project = detect(path, manage=manage, settings=settings)
    needed = edits(project)
    if as_json:
        click.echo(json.dumps(_document(project, needed), indent=2))
        return
    _print_facts(project)
    _print_notes(project)
    _print_variables(project, load(project.root).env)
    _print_edits(needed)


def _document(project: Project, edits: Sequence[Edit]) -> dict[str, Any]:
    root = {"value": ".", "from": project.manage.source}
    facts = {name: _fact(getattr(project, name)) for name in FACTS}
    return {
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
