"""The files generated for every project in ``projects/`` equal those in ``golden/``.

After an intended change: ``GOLDEN_RECORD=1 pytest tests/test_golden.py``, then read the diff.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from buildstatic.cli import run
from buildstatic.workflows.targets import TARGETS
from tests.samples import PROJECTS, copy

GOLDEN = Path(__file__).parent / "golden"
REPOSITORY = Path(__file__).parent.parent
NAMES = sorted(path.name for path in PROJECTS.iterdir() if path.is_dir())
# A recorded .gitignore would apply to this repository.
RECORDED = [target for target in TARGETS if target != "gitignore"]
SERVED = {
    "manifest+nginx": ("manifest", "nginx"),
    "startproject+caddy": ("startproject", "caddy"),
}
EXAMPLES = {
    "Dockerfile": ("dockerfile",),
    "Procfile": ("procfile",),
    "railpack.json": ("railway",),
    "railway.json": ("railway", "--legacy"),
}


def generated(root: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, str]:
    """Run ``generate`` with *options* on the project in *root*; return the files it reports."""
    capsys.readouterr()
    assert run(["generate", *options, "--path", str(root), "--force"]) == 0
    lines = capsys.readouterr().out.splitlines()
    paths = (line.removeprefix("written").strip() for line in lines)
    return {path: (root / path).read_bytes().decode() for path in paths}


def golden(directory: Path) -> dict[str, str]:
    """Return the golden files in *directory*."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes().decode()
        for path in directory.rglob("*")
        if path.is_file()
    }


def record(directory: Path, files: dict[str, str]) -> None:
    """Write *files* as the golden files in *directory*."""
    shutil.rmtree(directory, ignore_errors=True)
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(text.encode())


@pytest.mark.parametrize("name", NAMES)
def test_generated_files_equal_the_golden_files(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = copy(name, tmp_path)
    # Without the Dockerfile, which Railway would use.
    made = generated(root, capsys, "railway", "--chain", "build")
    made |= generated(root, capsys, *RECORDED)
    if os.environ.get("GOLDEN_RECORD"):
        record(GOLDEN / name, made)
    assert made == golden(GOLDEN / name)


@pytest.mark.parametrize("directory", SERVED)
def test_serve_option_generates_the_golden_files(
    directory: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, server = SERVED[directory]
    targets = ("dockerfile", "kubernetes")
    made = generated(copy(name, tmp_path), capsys, *targets, "--serve", server)
    if os.environ.get("GOLDEN_RECORD"):
        record(GOLDEN / directory, made)
    assert made == golden(GOLDEN / directory)


def test_every_golden_directory_has_a_project() -> None:
    assert sorted(path.name for path in GOLDEN.iterdir()) == sorted([*NAMES, *SERVED])


@pytest.mark.slow
def test_hadolint_accepts_the_dockerfiles() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, *GOLDEN.glob("*/Dockerfile")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_examples_are_generated_for_a_startproject(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = {}
    for name, arguments in EXAMPLES.items():
        root = copy("startproject", tmp_path / name)
        if name == "Procfile":  # with a database that a release phase can migrate
            settings = root / "mysite" / "settings.py"
            settings.write_text(settings.read_text().replace("sqlite3", "postgresql", 1))
        (made,) = generated(root, capsys, *arguments).values()
        examples[REPOSITORY / f"{name}.example"] = made
    if os.environ.get("GOLDEN_RECORD"):
        for path, text in examples.items():
            path.write_bytes(text.encode())
    assert {path: path.read_bytes().decode() for path in examples} == examples
