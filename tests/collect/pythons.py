"""Python environments of projects, beside the one that runs the tests."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django

REPOSITORY = Path(__file__).parent.parent.parent
DJANGO = f"Django=={django.get_version()}"


def old_click(parent: Path) -> Path:
    """Return the Python of an environment with pip and an older click than buildstatic's."""
    return environment(parent / "old-click", "--seed", requirements=("click<8", *_WEB))


def uv_made(parent: Path) -> Path:
    """Return the Python of an environment made by uv, without pip, with settings libraries."""
    readers = ("django-environ", "environs", "python-decouple", "pydantic-settings", "dynaconf")
    return environment(parent / "uv-made", requirements=(*_WEB, *readers))


def ours_alone(parent: Path) -> Path:
    """Return the Python of an environment with buildstatic and its dependencies, without Django."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    python = environment(parent / "actual-alone", requirements=tuple(project["dependencies"]))
    for packages in python.parent.parent.glob("lib/python*/site-packages"):
        (packages / "buildstatic.pth").write_text(f"{REPOSITORY}\n", encoding="utf-8")
    return python


_STORAGES = ("servestatic", "django-manifeststaticfiles-enhanced")
_WEB = (DJANGO, "djangorestframework", "whitenoise", "brotli", *_STORAGES)


def environment(home: Path, *options: str, requirements: tuple[str, ...]) -> Path:
    """Create the environment *home*, once for all processes of a run."""
    python = home / "bin" / "python"
    with locked(home.with_suffix(".lock")):
        if not (home / "complete").exists():
            uv = [sys.executable, "-m", "uv"]
            make: list[str | Path] = [
                *uv,
                "venv",
                "--quiet",
                "--python",
                sys.executable,
                *options,
                home,
            ]
            install: list[str | Path] = [
                *uv,
                "pip",
                "install",
                "--quiet",
                # Tests write no bytecode: every process would compile Django again.
                "--compile-bytecode",
                "--python",
                python,
                *requirements,
            ]
            for command in (make, install):
                subprocess.run(command, check=True)
            (home / "complete").touch()
    return python


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
