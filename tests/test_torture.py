"""A short form of ``make torture``."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.collect.rights import disk
from tests.torture import (
    MEGABYTES,
    OPERATIONS,
    fail_calls,
    fill_disk,
    limit_memory,
    run_together,
    torture,
)

pytestmark = pytest.mark.slow
MARKS = {"build on the engine": pytest.mark.engine}


@pytest.mark.parametrize(
    "operation",
    [pytest.param(name, marks=MARKS.get(name, ())) for name in OPERATIONS],
)
def test_killed_command_leaves_whole_files(tmp_path: Path, operation: str) -> None:
    assert torture(operation, 20, tmp_path, files=1) > 0


def test_failed_call_leaves_whole_files(tmp_path: Path) -> None:
    faults, errors = fail_calls("collect", range(5, 26, 5), tmp_path, kinds=[errno.ENOSPC])
    assert faults == 5
    assert errors > 0


def test_runs_at_once_succeed(tmp_path: Path) -> None:
    run_together("collect", 3, tmp_path)


def test_full_disk_leaves_whole_files(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", "size=16m") as place:
        assert fill_disk("collect", range(1, 2), place) > 0


def test_large_site_is_collected_in_little_memory(tmp_path: Path) -> None:
    limit_memory(20, MEGABYTES, tmp_path / "site")
