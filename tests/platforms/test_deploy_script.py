"""deploy.sh, run by a real shell with programs that print their arguments."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from buildstatic.platforms import deploy_script
from buildstatic.project import Project
from tests.platforms.projects import (
    AWKWARD,
    DEFAULTS,
    connected,
    in_directory,
    production,
    project,
    with_frontend,
)

PRINT = '#!/bin/sh\necho "$(basename "$0")|$*|${DJANGO_SETTINGS_MODULE-}"\n'


def deploy(found: Project, python: str = PRINT) -> subprocess.CompletedProcess[str]:
    """Run the deploy.sh of *found* from elsewhere, with its programs in ``.venv/bin``."""
    (file,) = deploy_script.files(found, DEFAULTS)
    assert file.executable
    script = found.root / file.path
    script.write_bytes(file.text.encode())
    script.chmod(0o755)
    programs = found.root / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, text in (("python", python), ("gunicorn", PRINT)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    env = {"PATH": os.defpath}
    return subprocess.run([script], cwd="/", env=env, capture_output=True, text=True, check=False)


def test_steps_run_in_order_from_any_directory(tmp_path: Path) -> None:
    assert deploy(project(tmp_path)).stdout.splitlines() == [
        "python|manage.py collectstatic --noinput|",
        "python|manage.py migrate --noinput|",
        "gunicorn|--worker-tmp-dir /dev/shm --no-control-socket mysite.wsgi:application|",
    ]


def test_project_without_database_does_not_migrate(tmp_path: Path) -> None:
    """Django's migrate would fail."""
    output = deploy(connected(tmp_path, "dummy")).stdout.splitlines()
    assert [line.split("|")[1].split()[:2] for line in output] == [
        ["manage.py", "collectstatic"],
        ["--worker-tmp-dir", "/dev/shm"],
    ]


def test_stops_at_the_first_failure(tmp_path: Path) -> None:
    done = deploy(project(tmp_path), python=PRINT + "exit 3\n")
    assert done.returncode == 3
    assert done.stdout.splitlines() == ["python|manage.py collectstatic --noinput|"]


def test_production_settings_are_set_for_every_step(tmp_path: Path) -> None:
    output = deploy(production(tmp_path)).stdout.splitlines()
    assert [line.rpartition("|")[2] for line in output] == ["mysite.settings.production"] * 3


def test_front_end_build_is_noted(tmp_path: Path) -> None:
    (file,) = deploy_script.files(with_frontend(tmp_path), DEFAULTS)
    assert file.notes[1:] == ("deploy.sh: run `npm run build` in . first.",)


@pytest.mark.parametrize("directory", [*AWKWARD, "line\nbreak"])
def test_any_directory_name_is_quoted(tmp_path: Path, directory: str) -> None:
    root = tmp_path / directory
    root.mkdir()
    output = deploy(in_directory(root, directory)).stdout
    leading = "./" if directory.startswith("-") else ""
    assert output.startswith(f"python|{leading}{directory}/manage.py collectstatic --noinput|\n")
    assert f"gunicorn|--chdir {leading}{directory} " in output
