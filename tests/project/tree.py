"""Write small projects and evaluate their settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from packaging.requirements import Requirement

from buildstatic.project import Packages, settings
from buildstatic.project.files import Search
from buildstatic.project.packages.requirements import join, package
from buildstatic.project.settings import Settings, plain

MANAGE = """\
import os
import sys


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{settings}")
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
"""


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write *files*, by their paths, below *root*, and return *root*."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def project(
    root: Path, files: Mapping[str, str | bytes], settings: str = "mysite.settings"
) -> Path:
    """Write *files* and a manage.py for *settings*."""
    return write(root, {"manage.py": MANAGE.format(settings=settings), **files})


def read(root: Path, files: Mapping[str, str], module: str = "mysite/settings.py") -> Settings:
    """Write *files* and read the settings in *module*."""
    write(root, files)
    return settings.read(root / module, Search(root, root))


def evaluated(root: Path, text: str, name: str = "X") -> object:
    """Return the value of *name* in a settings module with *text*, as plain data."""
    value = read(root, {"mysite/settings.py": text}).get(name)
    return None if value is None else plain(value)


def packages(*lines: str) -> Packages:
    """Return the packages of *lines* of a requirements file r.txt."""
    return join(package(Requirement(line), f"r.txt:{n}") for n, line in enumerate(lines, 1))
