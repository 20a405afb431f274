"""Environment variables that the settings require, and placeholders for them."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Iterable, Mapping

from buildstatic.project import ProjectSettings, Variable
from buildstatic.project.manage import CONFIGURATION_VARIABLE

PLACEHOLDERS = {
    "number": "1",
    "flag": "0",
    "list": "[]",
    "json": "{}",
    "url": "http://localhost",
    "address": "placeholder@example.com",
    "directory": "/tmp",
    "database": "sqlite:///:memory:",
    "cache": "locmemcache://",
    "email": "consolemail://",
    "postgresql": "postgresql://placeholder:placeholder@localhost/placeholder",
    "redis": "redis://localhost:6379/0",
    "amqp": "amqp://localhost",
}
# Placeholders by the name of a variable of no special kind; the first match counts.
BY_NAME = {
    r"(DATABASE|DB)_URL$": PLACEHOLDERS["database"],
    r"(POSTGRES|POSTGRESQL|PG)_(URL|URI|DSN)$": PLACEHOLDERS["postgresql"],
    r"(REDIS|BROKER|CELERY|CHANNELS?|RESULT)\w*_(URL|URI)$": PLACEHOLDERS["redis"],
    r"RESULT_BACKEND$": PLACEHOLDERS["redis"],  # of Celery
    r"(AMQP|RABBITMQ)\w*_(URL|URI)$": PLACEHOLDERS["amqp"],
    r"CACHE_(URL|URI)$": PLACEHOLDERS["cache"],
    r"EMAIL_(URL|URI)$": PLACEHOLDERS["email"],
    r"DSN$": "https://placeholder@localhost/1",
    r"(URL|URI|ENDPOINT|ORIGINS?)$": PLACEHOLDERS["url"],
    r"(LOG|LOGGING)_?LEVEL$": "INFO",
    r"(DB|DATABASE|SQL|POSTGRES)_ENGINE$": "django.db.backends.sqlite3",
    r"EMAIL_BACKEND$": "django.core.mail.backends.dummy.EmailBackend",
    r"CACHE_BACKEND$": "django.core.cache.backends.dummy.DummyCache",
    r"(FERNET|ENCRYPTION)\w*KEYS?$": base64.urlsafe_b64encode(b"placeholder".ljust(32)).decode(),
    r"(EMAIL|EMAIL_ADDRESS|EMAIL_FROM)$": PLACEHOLDERS["address"],
    r"(HOSTS?|DOMAINS?|HOSTNAME)$": "localhost",
    r"(PORT|TIMEOUT|SECONDS|MINUTES|HOURS|DAYS|SITE_ID)$": PLACEHOLDERS["number"],
    r"DEBUG$": PLACEHOLDERS["flag"],
    r"STATIC_?(ROOT|DIR|DIRECTORY|PATH)$": "staticfiles",  # STATIC_ROOT, below the root
    r"(DIR|DIRECTORY|MEDIA_?ROOT)$": PLACEHOLDERS["directory"],
    r"(AWS|S3)\w*_REGION(_NAME)?$": "us-east-1",
    r"(TIME_ZONE|TIMEZONE|TZ)$": "UTC",
}
TRUE = ("1", "true", "yes", "y", "on", "t")
PRODUCTION = ("production", "prod", "live", "release", "deploy")


def placeholders(project: ProjectSettings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for collecting that are not in *environ*.

    They are those of ``[tool.buildstatic.env]``, a random value for the variable that SECRET_KEY is
    read from, and the settings class of django-configurations.
    """
    given = {name: value for name, value in project.config.env.items() if name not in environ}
    if project.configuration is not None and CONFIGURATION_VARIABLE not in environ:
        given[CONFIGURATION_VARIABLE] = project.configuration.value
    key = project.secret_key
    if key is not None and key.name not in environ and key.name not in given:
        given[key.name] = secrets.token_urlsafe(50)
    return given


def missing(project: ProjectSettings, given: Mapping[str, str]) -> tuple[Variable, ...]:
    """Return the variables that the settings require and *given* does not have.

    They were found without running the settings, so not all may be needed: report them only after
    the settings failed to import.
    """
    return tuple(item for item in project.variables if item.required and item.name not in given)


def decide_on_static_files(names: Iterable[str], project: ProjectSettings) -> bool:
    """Return whether one of the variables *names* is about static files: its name or its line."""
    words = re.compile(r"STATIC|STORAGE|BUCKET|CDN|ASSET", re.IGNORECASE)
    sources = {variable.name: variable.source for variable in project.variables}
    for name in names:
        file, _, line = sources.get(name, "").rpartition(":")
        path = project.root / file
        lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
        read_at = lines[int(line) - 1] if line.isdigit() and int(line) <= len(lines) else ""
        if words.search(name) or words.search(read_at):
            return True
    return False


def placeholders_for(project: ProjectSettings, names: Iterable[str]) -> dict[str, str]:
    """Return a placeholder for each of the variables *names*."""
    known = {item.name: item for item in project.variables}
    return {name: placeholder(known.get(name, Variable(name, True, ""))) for name in names}


def paste(variables: Iterable[Variable]) -> str:
    """Return the TOML table for pyproject.toml with a placeholder for each variable."""
    lines = [f"{_key(item.name)} = {json.dumps(placeholder(item))}" for item in variables]
    return "\n".join(["[tool.buildstatic.env]", *lines])


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def placeholder(variable: Variable) -> str:
    """Return a harmless value for *variable* that settings can parse."""
    chosen = [item for item in variable.choices if item.lower() in PRODUCTION]
    if chosen:
        return chosen[0]
    if variable.kind == "choice" and variable.choices:
        return variable.choices[0]
    if variable.kind in PLACEHOLDERS and variable.kind != "url":
        return PLACEHOLDERS[variable.kind]
    others = [item for item in variable.choices if item.lower() not in TRUE]
    if variable.choices and not others:  # os.environ["DEBUG"] == "true"
        return PLACEHOLDERS["flag"]
    for pattern, text in BY_NAME.items():
        if re.search(pattern, variable.name.upper()):
            return text
    if variable.kind == "url":
        return PLACEHOLDERS["url"]
    return others[0] if len(others) > 1 else "placeholder"
