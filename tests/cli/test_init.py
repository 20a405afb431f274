"""``buildstatic init``: its questions in a terminal, and the files it generates."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from buildstatic.workflows.targets import DEFAULT_TARGETS
from tests.cli.conftest import Invoke
from tests.samples import copy


def output(terminal: int) -> Iterator[bytes]:
    # On Linux the read fails when the program has closed its end.
    with suppress(OSError):
        while part := os.read(terminal, 1 << 16):
            yield part


def answer(root: Path, *answers: str) -> str:
    """Run ``init`` in a terminal, type *answers*, and return what the terminal shows."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "buildstatic", "init", str(root)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
        start_new_session=True,
    ) as process:
        os.close(theirs)
        os.write(ours, "".join(f"{line}\n" for line in answers).encode())
        shown = b"".join(output(ours)).decode()
        assert process.wait(60) == 0, shown
    os.close(ours)
    return shown


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_three_answers_choose_the_files(tmp_path: Path, invoke: Invoke) -> None:
    root = copy("services", tmp_path)
    shown = answer(root, "kamel", "kamal", "granian", "external")
    assert re.findall(r"^\w[\w ]*\?(?=\r?$)", shown, re.M) == [
        "Where will the site run?",
        "Which application server?",
        "Where is the database?",
    ]
    assert "'kamel' is not in the list. Did you mean kamal?" in shown
    assert "granian" in (root / "Dockerfile").read_text()
    assert "accessories" not in (root / "config/deploy.yml").read_text()
    again = re.search(r"To write these files again: buildstatic (.+?)\r?$", shown, re.M)
    assert again
    ran = invoke(*shlex.split(again[1]))
    assert {line.split()[0] for line in ran.out.splitlines()} == {"unchanged"}


def test_enter_chooses_the_defaults(tmp_path: Path) -> None:
    shown = answer(copy("startproject", tmp_path), "", "", "")
    assert "the settings use SQLite (mysite/settings.py:78)" in shown
    assert re.findall(r"written +(\S+)", shown) == ["Dockerfile", ".dockerignore"]
    assert "Next: buildstatic build --tag" in shown


def test_yes_writes_what_generate_writes(tmp_path: Path, invoke: Invoke) -> None:
    roots = [copy("startproject", tmp_path / name) for name in ("init", "generate")]
    ran = invoke("init", "--yes", roots[0])
    assert ran.code == 0
    assert ran.out.count("written") == len(DEFAULT_TARGETS) - 1  # railway has a Dockerfile
    invoke("generate", "--path", roots[1])
    assert contents(roots[0]) == contents(roots[1])


def test_without_a_terminal_nothing_is_asked(site: Path, invoke: Invoke) -> None:
    before = contents(site)
    ran = invoke("init", site)
    assert ran.code == 2
    assert "--yes" in ran.err
    assert contents(site) == before


@pytest.mark.parametrize("target", ["heroku", "railway", "systemd"])
def test_targets_without_an_image_have_no_dockerfile(tmp_path: Path, target: str) -> None:
    root = copy("psycopg2", tmp_path)
    shown = answer(root, target, "", "")
    assert "written" in shown
    assert not (root / "Dockerfile").exists()
