"""Fixtures of Django's own tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all processes of this run share, with or without an engine."""
    own = tmp_path_factory.getbasetemp()
    common = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    directory = common / "django-suite"
    directory.mkdir(exist_ok=True)
    return directory
