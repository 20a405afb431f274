"""A site that is collected once, and a copy of it for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verify.built import collected, copied


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a layer root that tests must not change."""
    return collected(tmp_path_factory.mktemp("site"))


@pytest.fixture
def layer(site: Path, tmp_path: Path) -> Path:
    """Return a copy of the layer root, for one test."""
    return copied(site, tmp_path / "root")
