"""The variables that the settings demand, and what they get while static files are collected."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping

from buildstatic.project.config import Config
from buildstatic.project.model import Project, Variable

PLACEHOLDERS = {
    "number": "0",
    "flag": "0",
    "database": "sqlite:///:memory:",
    "cache": "locmemcache://",
    "email": "consolemail://",
    "json": "{}",
}


def placeholders(project: Project, config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the process that collects gets in addition to *environ*.

    That is a random throwaway for the variable that SECRET_KEY is read from, and what *config* has
    for others; never in place of what *environ* has.
    """
    given = {name: value for name, value in config.env.items() if name not in environ}
    key = project.secret_key
    if key is not None and key.name not in environ and key.name not in given:
        given[key.name] = secrets.token_urlsafe(50)
    return given


def missing(project: Project, given: Mapping[str, str]) -> tuple[Variable, ...]:
    """Return the variables that the settings demand and that *given* does not have.

    They were found by reading, so they may be too many: ask once the settings have failed.
    """
    return tuple(item for item in project.variables if item.required and item.name not in given)


def paste(variables: Iterable[Variable]) -> str:
    """Return the table to paste into pyproject.toml, a harmless placeholder for each variable."""
    lines = [f"{_key(item.name)} = {json.dumps(placeholder(item))}" for item in variables]
    return "\n".join(["[tool.buildstatic.env]", *lines])


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def placeholder(variable: Variable) -> str:
    """Return a value for *variable* that settings can read and nothing can be reached with."""
    if variable.kind in PLACEHOLDERS:
        return PLACEHOLDERS[variable.kind]
    name = variable.name.upper()
    if name.endswith(("DATABASE_URL", "DB_URL")):
        return PLACEHOLDERS["database"]
    if name.endswith(("PORT", "DEBUG")):
        return "0"
    return "placeholder"
