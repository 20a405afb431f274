"""Hand-made projects as detection would return them, with single facts changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from buildstatic.platforms.options import Dockerfile, Options
from buildstatic.project import (
    BuildScript,
    Connection,
    Fact,
    Frontend,
    Process,
    Project,
    Server,
    Variable,
)

DEFAULTS = Options()
GENERATED = Dockerfile(static_stage=True, cache_mounts=True)
GENERATED_FOR_RAILWAY = Dockerfile(static_stage=True, cache_mounts=False)
CUSTOM = Dockerfile(static_stage=False, cache_mounts=False)

AWKWARD = (
    "with space",
    "-dash",
    'it\'s "hi" $HOME a`id`b back\\slash #hash !bang star*[x]? ünï-日本 ;&&|| %%p {{ brace }}',
)
"""Directory names with a meaning in a shell, JSON, Python, git or Jinja."""


def project(root: Path, **changes: Any) -> Project:
    """Return a startproject with the README's edits at *root*, with *changes*."""
    plain = Project(
        root=root,
        manage=Fact("manage.py", "manage.py"),
        settings=Fact("mysite.settings", "manage.py:9"),
        wsgi=Fact("mysite.wsgi:application", "mysite/settings.py:71"),
        asgi=Fact("mysite.asgi:application", "mysite/asgi.py:16"),
        python=None,
        dependencies=None,
        server=Fact(Server("gunicorn", ">=25.1"), "requirements.txt:2"),
        whitenoise=Fact(True, "requirements.txt:3"),
        database=None,
        frontends=(),
        static_root=Fact("staticfiles", "mysite/settings.py:120"),
        static_url=Fact("/static/", "mysite/settings.py:119"),
        storage=None,
        remote=Fact(False, "mysite/settings.py:121"),
    )
    return replace(plain, **changes)


def in_directory(root: Path, directory: str, **facts: Any) -> Project:
    """Return a project whose manage.py is in *directory*."""
    manage = f"{directory}/manage.py"
    settings = Fact("mysite.settings", f"{manage}:9")
    return project(root, **{"manage": Fact(manage, manage), "settings": settings, **facts})


def remote(root: Path) -> Project:
    """Return a project whose static files are stored in S3."""
    storage = Fact("storages.backends.s3.S3Storage", "mysite/settings.py:121")
    return project(root, storage=storage, remote=Fact(True, "mysite/settings.py:121"))


def production(root: Path) -> Project:
    """Return a project with settings that manage.py does not set."""
    return project(
        root, settings=Fact("mysite.settings.production", "mysite/settings/production.py")
    )


def with_frontend(root: Path) -> Project:
    """Return a project with a front-end build."""
    found = Frontend("npm", ".", "package-lock.json", build=(BuildScript("build"),))
    return project(root, frontends=(Fact(found, "package.json:3"),))


def connected(root: Path, engine: str, url: str | None = None, **parts: str) -> Project:
    """Return a project whose database is *engine*, found by the variables *url* or *parts*."""
    connection = Fact(Connection(engine, url, parts), "mysite/settings.py:80")
    return project(root, connection=connection)


def full(root: Path) -> Project:
    """Return a project with a secret, variables, a database, a health check and a worker."""
    secret = Variable("SECRET_KEY", True, "mysite/settings.py:5")
    return replace(
        connected(root, "postgresql", "DATABASE_URL"),
        secret_key=secret,
        variables=(
            secret,
            Variable("DATABASE_URL", True, "mysite/settings.py:80"),
            Variable("PAYMENTS_URL", True, "mysite/settings.py:90"),
            Variable("ALLOWED_HOSTS", False, "mysite/settings.py:91"),
        ),
        health=Fact("/healthz/", "mysite/urls.py:4"),
        processes=Fact((Process("worker", "celery -A mysite worker"),), "Procfile:2"),
    )
