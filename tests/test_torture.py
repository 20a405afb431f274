"""A short form of ``make torture``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture import OPERATIONS, torture


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_killed_command_leaves_whole_files(tmp_path: Path, operation: str) -> None:
    assert torture(operation, 20 if operation == "collect" else 5, tmp_path) > 0
