"""Fixtures of the check tests."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DJANGO_SETTINGS_MODULE", "VIRTUAL_ENV", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
