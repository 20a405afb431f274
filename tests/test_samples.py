"""The projects that the other tests build are sound themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.samples import NOT_BUILT, SAMPLES, copy


def test_the_example_site_passes_its_own_tests(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "test"],
        cwd=copy("site", tmp_path),
        env={**os.environ, "DJANGO_SECRET_KEY": "only-for-this-test"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [*SAMPLES, *NOT_BUILT])
def test_hadolint_finds_nothing_in_the_generated_dockerfile(name: str, tmp_path: Path) -> None:
    root = copy(name, tmp_path)
    buildstatic = [sys.executable, "-m", "buildstatic"]
    generated = subprocess.run(
        [*buildstatic, "generate", "dockerfile", "--stdout", "--path", str(root)],
        capture_output=True,
        text=True,
    )
    assert generated.returncode == 0, generated.stderr
    hadolint = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([hadolint, "-"], input=generated.stdout, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
