"""The result of ``buildstatic check`` as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from buildstatic.checks import Finding
    from buildstatic.project import Fact
    from buildstatic.workflows.check import ProjectCheck

# The facts about a project, by their names in `Project`.
FACTS = (
    "manage",
    "settings",
    "configuration",
    "wsgi",
    "asgi",
    "python",
    "dependencies",
    "server",
    "whitenoise",
    "database",
    "frontends",
    "static_root",
    "static_url",
    "storage",
    "remote",
)


def document(result: ProjectCheck) -> dict[str, Any]:
    """Return *result* as JSON."""
    from buildstatic.project.environment import placeholder

    project = result.project
    facts = {name: getattr(project, name) for name in FACTS}
    return {
        "findings": [_finding(finding) for finding in result.findings],
        "skipped": list(result.skipped),
        "project": {
            "root": {"value": ".", "from": project.manage.source},
            **{
                name: [_json_fact(each) for each in fact]
                if isinstance(fact, tuple)
                else _json_fact(fact)
                for name, fact in facts.items()
            },
        },
        "variables": [
            {
                "name": item.name,
                "required": item.required,
                "placeholder": placeholder(item),
                "from": item.source,
            }
            for item in project.variables
        ],
        "edits": [
            {"file": edit.file, "where": edit.where, "why": edit.why, "text": edit.text}
            for edit in result.edits
        ],
        "notes": list(result.notes),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity.label,
        "file": finding.file,
        "line": finding.line or None,
        "what": finding.what,
        "why": finding.why,
        "fix": finding.fix,
        "fixable": finding.autofix is not None,
    }


def _json_fact(fact: Fact[Any] | None) -> object:
    return fact and {"value": _json_value(fact.value), "from": fact.source}


def _json_value(value: object) -> object:
    from buildstatic.project import Database, Dependencies, Frontend, Server

    match value:
        case Dependencies(manager=manager, file=file):
            return {"manager": manager, "file": file}
        case Frontend(manager=manager, directory=directory, lock=lock, commands=commands):
            build = [{"directory": place, "command": command} for place, command in commands]
            return {"manager": manager, "directory": directory, "lock": lock, "build": build}
        case Server(name=name) | Database(driver=name):
            return name
        case _:
            return value
