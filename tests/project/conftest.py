"""A directory that may not be read."""

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
    """Return a directory that this process may not look into, in one that it may."""
    parent = Path(tempfile.mkdtemp())
    directory = parent / "data"
    directory.mkdir()
    directory.chmod(0)
    root = os.geteuid() == 0
    if root:  # whom nothing is closed to
        parent.chmod(0o777)
        os.seteuid(NOBODY)
    yield directory
    if root:
        os.seteuid(0)
    directory.chmod(0o700)
    shutil.rmtree(parent)
