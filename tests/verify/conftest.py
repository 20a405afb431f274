"""The site that the tests verify: collected once, copied for each of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verify.built import collected, copied


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a layer root that nobody changes."""
    return collected(tmp_path_factory.mktemp("site"))


@pytest.fixture
def layer(site: Path, tmp_path: Path) -> Path:
    """Return a layer root of the test's own."""
    return copied(site, tmp_path / "root")
