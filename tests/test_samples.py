"""The sample projects and their generated Dockerfiles are valid."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from buildstatic.cli import run as buildstatic
from tests.samples import NOT_BUILT, SAMPLES, copy


def test_the_example_site_passes_its_own_tests(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "manage.py", "test"],
        cwd=copy("site", tmp_path),
        env={**os.environ, "DJANGO_SECRET_KEY": "only-for-this-test"},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("name", [*SAMPLES, *NOT_BUILT])
def test_hadolint_accepts_the_generated_dockerfile(name: str, tmp_path: Path) -> None:
    root = copy(name, tmp_path)
    assert buildstatic(["generate", "dockerfile", "--force", "--path", str(root)]) == 0
    hadolint = Path(sys.executable).with_name("hadolint")
    process = subprocess.run([hadolint, root / "Dockerfile"], capture_output=True, text=True)
    assert process.returncode == 0, process.stdout
