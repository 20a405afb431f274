"""Fixture: an unreadable directory."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

NOBODY = 65534


@pytest.fixture
def closed() -> Iterator[Path]:
    """Return an unreadable directory in a readable one."""
    parent = Path(tempfile.mkdtemp())
    directory = parent / "data"
    directory.mkdir()
    directory.chmod(0)
    root = os.geteuid() == 0
    if root:  # may read everything
        parent.chmod(0o777)
        os.seteuid(NOBODY)
    yield directory
    if root:
        os.seteuid(0)
    directory.chmod(0o700)
    shutil.rmtree(parent)
