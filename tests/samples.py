"""The Django projects that tests build: ``examples/site`` and those in ``tests/projects/``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROJECTS = Path(__file__).parent / "projects"
EXAMPLE = Path(__file__).parent.parent / "examples" / "site"


@dataclass(frozen=True)
class Sample:
    """A project and how to run its image.

    *environment* is set in the container, *commands* are run in it before the first request,
    *fingerprinted* is whether its pages refer to fingerprinted style sheets.
    """

    name: str
    pages: tuple[str, ...] = ("/",)
    environment: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    fingerprinted: bool = True

    @property
    def source(self) -> Path:
        """The directory of the project in this repository."""
        return EXAMPLE if self.name == "site" else PROJECTS / self.name


SECRET = "only-for-this-container"
SAMPLES = {
    sample.name: sample
    for sample in (
        Sample(
            "site",
            pages=("/", "/sightings/1/", "/api/sightings/", "/admin/login/"),
            environment={"DJANGO_SECRET_KEY": SECRET, "DATABASE_PATH": "/data/db.sqlite3"},
            commands=("python manage.py migrate", "python manage.py loaddata first_sightings"),
        ),
        # startproject leaves DEBUG on, and with it Django does not use fingerprinted names.
        Sample("startproject", pages=("/admin/login/",), fingerprinted=False),
        Sample("asgi_only"),
        Sample("frontend"),
        Sample("manifest"),
        Sample("no_pip"),
        Sample("old_click"),
        Sample("options_location"),
        Sample("outside"),
        Sample("poetry"),
        Sample("psycopg2"),
        Sample("requirements_dir"),
        Sample(
            "secret_key",
            environment={"SECRET_KEY": SECRET, "PAYMENTS_URL": "https://payments.invalid"},
        ),
        Sample("split_settings", environment={"SECRET_KEY": SECRET}),
        Sample("subfolder"),
        Sample("uv"),
        Sample("whitenoise", fingerprinted=False),
    )
}


def copy(name: str, parent: Path) -> Path:
    """Copy the project *name* into *parent* and return the copy, with a uv.lock if it uses uv.

    A uv.lock contains the URL of its package index, so none is checked in.
    """
    source = SAMPLES[name].source if name in SAMPLES else PROJECTS / name
    target = parent / name
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "staticfiles"))
    if _uses_uv(target):
        command = [sys.executable, "-m", "uv", "lock", "--quiet", "--python", sys.executable]
        subprocess.run(command, cwd=target, check=True, env={**os.environ, "VIRTUAL_ENV": ""})
    return target


def lock_with_poetry(root: Path) -> None:
    """Lock the Poetry project in *root*, with the package index that pip uses as its source.

    From its default index Poetry requests pages that not every mirror has.
    """
    from pip._internal.models.index import PyPI

    source = f'[[tool.poetry.source]]\nname = "index"\nurl = "{PyPI.simple_url}/"\n'
    with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n{source}")
    command = [sys.executable, "-m", "uv", "tool", "run", "--quiet", "poetry", "lock"]
    environment = {**os.environ, "POETRY_VIRTUALENVS_CREATE": "false"}
    subprocess.run(command, cwd=root, check=True, capture_output=True, env=environment)


def _uses_uv(root: Path) -> bool:
    file = root / "pyproject.toml"
    if not file.exists() or (root / "poetry.lock").exists():
        return False
    return "project" in tomllib.loads(file.read_text(encoding="utf-8"))
