"""Files that are written whole, and what a killed process leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from buildstatic.atomic import PREFIX, replace_file, replace_output

KILLED = """
import os, signal, sys
from pathlib import Path
from buildstatic.atomic import replace_output
with replace_output(Path(sys.argv[1])) as file:
    file.write(b"part")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_next_run_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    other = tmp_path / f"{PREFIX}mine"
    other.touch()
    (tmp_path / f"{PREFIX}{'0' * 16}").symlink_to("elsewhere")
    process = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "x"])
    assert process.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 3
    with replace_output(tmp_path / "x") as file:
        file.write(b"whole")
    assert sorted(path.name for path in tmp_path.iterdir() if not path.is_symlink()) == [
        other.name,
        "x",
    ]


def test_file_that_another_run_is_writing_stays(tmp_path: Path) -> None:
    with replace_file(tmp_path / "first") as first:
        first.write(b"first")
        with replace_output(tmp_path / "second"):
            pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]
