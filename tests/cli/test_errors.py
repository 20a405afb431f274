"""Each class of error on the command line: one line that says where, and its exit code."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest

from buildstatic.cli import _fail
from buildstatic.errors import (
    BuildstaticError,
    ConfigInvalid,
    FileError,
    FilesExist,
    ProjectNotFound,
    SettingsInvalid,
)
from tests.cli.conftest import Invoke
from tests.project.tree import MANAGE, write

GOOD = {"manage.py": MANAGE.format(settings="mysite.settings"), "mysite/settings.py": ""}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "may not use more memory"),
        (RuntimeError("can't start new thread"), "does not allow another thread"),
        (OSError(errno.EFBIG, os.strerror(errno.EFBIG), "a.css"), "a.css: File too large"),
    ],
    ids=["memory", "threads", "file size"],
)
def test_limits_are_named(
    error: Exception, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _fail(error, with_traceback=False) == FileError.exit_code
    assert message in capfd.readouterr().err


@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        pytest.param({"README": ""}, ProjectNotFound, r"manage\.py .*--manage", id="no project"),
        pytest.param(
            {"shop/manage.py": "", "blog/manage.py": ""},
            ProjectNotFound,
            r"blog/manage\.py, shop/manage\.py\. .*--manage blog/manage\.py",
            id="two projects",
        ),
        pytest.param(
            {**GOOD, "pyproject.toml": "[project]\nname = \n"},
            ConfigInvalid,
            r"pyproject\.toml:2: ",
            id="TOML",
        ),
        pytest.param(
            {**GOOD, "pyproject.toml": "[tool.buildstatic]\nsetting = 'x'\n"},
            ConfigInvalid,
            r"pyproject\.toml:2: .*Did you mean settings\?",
            id="key",
        ),
        pytest.param(
            {**GOOD, "pyproject.toml": '[tool.buildstatic]\nsilence = ["debug-off"]\n'},
            ConfigInvalid,
            r"pyproject\.toml:2: .*debug-off.*Did you mean debug-on\?",
            id="silence",
        ),
        pytest.param(
            {**GOOD, "requirements.txt": "Django=5\n"},
            ConfigInvalid,
            r"requirements\.txt:1: ",
            id="requirement",
        ),
        pytest.param(
            {"manage.py": GOOD["manage.py"]},
            SettingsInvalid,
            r"mysite\.settings .*manage\.py:6.*--settings",
            id="no settings",
        ),
    ],
)
def test_bad_project(
    tmp_path: Path,
    files: dict[str, str],
    error: type[BuildstaticError],
    message: str,
    invoke: Invoke,
) -> None:
    ran = invoke("check", write(tmp_path, files))
    assert (ran.code, ran.out) == (error.exit_code, "")
    assert re.match(f"error: .*{message}", ran.err)
    assert ran.err.count("\n") == 1


def test_existing_files(site: Path, invoke: Invoke) -> None:
    (site / "Procfile").write_text("web: mine\n")
    ran = invoke("generate", "--path", site)
    assert ran.code == FilesExist.exit_code
    assert "Procfile" in ran.err
    assert {"--diff", "--force"} <= set(re.findall(r"--\w+", ran.err))
