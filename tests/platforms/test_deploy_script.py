"""deploy.sh, run by a real shell among programs that say what they were called with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from buildstatic.platforms import deploy_script
from buildstatic.project import Project
from tests.platforms.projects import (
    AWKWARD,
    USUAL,
    connected,
    in_directory,
    production,
    project,
    with_frontend,
)

SAY = '#!/bin/sh\necho "$(basename "$0")|$*|${DJANGO_SETTINGS_MODULE-}"\n'


def deploy(found: Project, python: str = SAY) -> subprocess.CompletedProcess[str]:
    """Run the deploy.sh of *found* from elsewhere, with its programs in ``.venv/bin``."""
    (file,) = deploy_script.files(found, USUAL)
    assert file.executable
    script = found.root / file.path
    script.write_bytes(file.text.encode())
    script.chmod(0o755)
    programs = found.root / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, text in (("python", python), ("gunicorn", SAY)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    env = {"PATH": os.defpath}
    return subprocess.run([script], cwd="/", env=env, capture_output=True, text=True, check=False)


def test_the_three_steps_run_in_order_from_any_directory(tmp_path: Path) -> None:
    assert deploy(project(tmp_path)).stdout.splitlines() == [
        "python|manage.py collectstatic --noinput|",
        "python|manage.py migrate --noinput|",
        "gunicorn|--worker-tmp-dir /dev/shm --no-control-socket mysite.wsgi:application|",
    ]


def test_without_a_database_nothing_migrates(tmp_path: Path) -> None:
    """Django's migrate would fail, and the rest with it."""
    said = deploy(connected(tmp_path, "dummy")).stdout.splitlines()
    assert [line.split("|")[1].split()[:2] for line in said] == [
        ["manage.py", "collectstatic"],
        ["--worker-tmp-dir", "/dev/shm"],
    ]


def test_the_first_step_that_fails_ends_it(tmp_path: Path) -> None:
    done = deploy(project(tmp_path), python=SAY + "exit 3\n")
    assert done.returncode == 3
    assert done.stdout.splitlines() == ["python|manage.py collectstatic --noinput|"]


def test_production_settings_reach_every_step(tmp_path: Path) -> None:
    said = deploy(production(tmp_path)).stdout.splitlines()
    assert [line.rpartition("|")[2] for line in said] == ["mysite.settings.production"] * 3


def test_a_front_end_build_comes_first(tmp_path: Path) -> None:
    (file,) = deploy_script.files(with_frontend(tmp_path), USUAL)
    assert file.notes == ("deploy.sh: run `npm run build` in . first.",)


@pytest.mark.parametrize("directory", [*AWKWARD, "line\nbreak"])
def test_any_directory_reaches_the_programs_whole(tmp_path: Path, directory: str) -> None:
    root = tmp_path / directory
    root.mkdir()
    said = deploy(in_directory(root, directory)).stdout
    leading = "./" if directory.startswith("-") else ""
    assert said.startswith(f"python|{leading}{directory}/manage.py collectstatic --noinput|\n")
    assert f"gunicorn|--chdir {leading}{directory} " in said
