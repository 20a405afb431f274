"""Placeholders for environment variables."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from buildstatic.project import Project, Variable
from buildstatic.project.config import ProjectConfig
from buildstatic.project.detect import detect
from buildstatic.project.environment import missing, paste, placeholder, placeholders
from tests.project.tree import project

SETTINGS = """\
import os
SECRET_KEY = os.environ["DJANGO_KEY"]
TOKEN = os.environ["TOKEN"]
DEBUG = os.environ.get("DEBUG", "")
DATABASE = os.environ["DATABASE_URL"]
"""


@pytest.fixture
def requiring(tmp_path: Path) -> Project:
    return detect(project(tmp_path, {"mysite/settings.py": SETTINGS}), environ={})


def test_secret_key_placeholder_is_random(requiring: Project) -> None:
    keys = {placeholders(requiring, {})["DJANGO_KEY"] for _ in range(3)}
    assert len(keys) == 3
    assert all(len(key) >= 50 for key in keys)


def test_environment_takes_precedence_over_configuration(requiring: Project) -> None:
    config = ProjectConfig(env={"TOKEN": "placeholder", "DATABASE_URL": "sqlite://"})
    configured = replace(requiring, config=config)
    given = placeholders(configured, {"TOKEN": "real", "DJANGO_KEY": "real"})
    assert given == {"DATABASE_URL": "sqlite://"}
    with_key = replace(requiring, config=ProjectConfig(env={"DJANGO_KEY": "for-tests"}))
    assert placeholders(with_key, {}) == {"DJANGO_KEY": "for-tests"}


def test_no_placeholder_for_constant_secret_key(tmp_path: Path) -> None:
    project(tmp_path, {"mysite/settings.py": "SECRET_KEY = 'insecure'\n"})
    assert placeholders(detect(tmp_path, environ={}), {}) == {}


def test_missing_lists_required_variables(requiring: Project) -> None:
    assert [item.name for item in missing(requiring, {})] == ["DJANGO_KEY", "TOKEN", "DATABASE_URL"]
    assert [item.name for item in missing(requiring, {"TOKEN": "", "DJANGO_KEY": ""})] == [
        "DATABASE_URL"
    ]


@pytest.mark.parametrize(
    ("name", "kind", "choices", "expected"),
    [
        ("TOKEN", "text", (), "placeholder"),
        ("DATABASE_URL", "text", (), "sqlite:///:memory:"),
        ("READ_DB_URL", "url", (), "sqlite:///:memory:"),
        ("MAIN", "database", (), "sqlite:///:memory:"),
        ("CELERY_BROKER_URL", "text", (), "redis://localhost:6379/0"),
        ("CELERY_RESULT_BACKEND", "text", (), "redis://localhost:6379/0"),
        ("SENTRY_DSN", "text", (), "https://placeholder@localhost/1"),
        ("AWS_S3_ENDPOINT_URL", "text", (), "http://localhost"),
        ("HOMEPAGE", "url", (), "http://localhost"),
        ("LOG_LEVEL", "text", (), "INFO"),
        ("DB_ENGINE", "text", (), "django.db.backends.sqlite3"),
        ("EMAIL_PORT", "text", (), "1"),
        ("django_debug", "text", (), "0"),
        ("SIZE", "number", (), "1"),
        ("ON", "flag", (), "0"),
        ("DEBUG_SQL", "text", ("True", "1"), "0"),
        ("DJANGO_STATIC_ROOT", "text", (), "staticfiles"),
        ("DJANGO_MEDIA_ROOT", "text", (), "/tmp"),
        ("CACHE", "cache", (), "locmemcache://"),
        ("MAIL", "email", (), "consolemail://"),
        ("SENDER", "address", (), "placeholder@example.com"),
        ("OPTIONS", "json", (), "{}"),
        ("STAGE", "text", ("dev", "production"), "production"),
        ("COLOR", "choice", ("red", "blue"), "red"),
        ("MODE", "text", ("a", "b"), "a"),
        ("NAME", "text", ("a",), "placeholder"),
    ],
)
def test_placeholder_fits_use_and_name(
    name: str, kind: str, choices: tuple[str, ...], expected: str
) -> None:
    assert placeholder(Variable(name, True, "x:1", kind, choices)) == expected


def test_configuration_class_is_set_for_collecting(tmp_path: Path) -> None:
    text = "from configurations import Configuration\nclass Prod(Configuration): pass\n"
    wsgi = "import os\nos.environ.setdefault('DJANGO_CONFIGURATION', 'Prod')\n"
    root = project(tmp_path, {"mysite/settings.py": text, "mysite/wsgi.py": wsgi})
    found = detect(root, environ={})
    assert placeholders(found, {}) == {"DJANGO_CONFIGURATION": "Prod"}
    assert placeholders(found, {"DJANGO_CONFIGURATION": "Other"}) == {}


def test_paste_is_valid_toml() -> None:
    names = ["TOKEN", "a.b", 'with "quotes"', "päth", "with space"]
    text = paste(Variable(name, True, "x:1") for name in names)
    assert text.startswith("[tool.buildstatic.env]\nTOKEN = ")
    pasted = tomllib.loads(text)["tool"]["buildstatic"]["env"]
    assert pasted == dict.fromkeys(names, "placeholder")
