"""Fixtures of the command line's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from buildstatic import console
from buildstatic.cli import run
from tests.collect.sites import NO_TRACE, Ran
from tests.samples import copy

Invoke = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Unset what selects a project's settings or the style of output."""
    for name in (*NO_TRACE, "GITHUB_WORKSPACE", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    console.out.cache_clear()
    console.err.cache_clear()
    yield
    console.out.cache_clear()
    console.err.cache_clear()


@pytest.fixture
def invoke(capfd: pytest.CaptureFixture[str]) -> Invoke:
    """Return a function that runs the command line in this process."""

    def invoke(*arguments: object) -> Ran:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        return Ran(code, *capfd.readouterr())

    return invoke


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a copy of a project as startproject makes it, with the changes that it needs."""
    return copy("startproject", tmp_path)
