"""Environment variables that the settings require, and placeholders for them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping

from buildstatic.project import Project, Variable
from buildstatic.project.config import ProjectConfig

PLACEHOLDERS = {
    "number": "0",
    "flag": "0",
    "database": "sqlite:///:memory:",
    "cache": "locmemcache://",
    "email": "consolemail://",
    "json": "{}",
}


def placeholders(
    project: Project, config: ProjectConfig, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables for collecting that are not in *environ*.

    They are those of *config*, and a random value for the variable that SECRET_KEY is read from.
    """
    given = {name: value for name, value in config.env.items() if name not in environ}
    key = project.secret_key
    if key is not None and key.name not in environ and key.name not in given:
        given[key.name] = secrets.token_urlsafe(50)
    return given


def missing(project: Project, given: Mapping[str, str]) -> tuple[Variable, ...]:
    """Return the variables that the settings require and *given* does not have.

    They were found without running the settings, so not all may be needed: report them only after
    the settings failed to import.
    """
    return tuple(item for item in project.variables if item.required and item.name not in given)


def paste(variables: Iterable[Variable]) -> str:
    """Return the TOML table for pyproject.toml with a placeholder for each variable."""
    lines = [f"{_key(item.name)} = {json.dumps(placeholder(item))}" for item in variables]
    return "\n".join(["[tool.buildstatic.env]", *lines])


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def placeholder(variable: Variable) -> str:
    """Return a harmless value for *variable* that settings can parse."""
    if variable.kind in PLACEHOLDERS:
        return PLACEHOLDERS[variable.kind]
    name = variable.name.upper()
    if name.endswith(("DATABASE_URL", "DB_URL")):
        return PLACEHOLDERS["database"]
    if name.endswith(("PORT", "DEBUG")):
        return "0"
    return "placeholder"
