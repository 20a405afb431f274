"""Fixtures of the collection: a project to write to, and the Pythons that projects run on."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.collect import pythons
from tests.collect.sites import Ran, Site, make_site, run


class Collect(Protocol):
    """``buildstatic collect`` for a site."""

    def __call__(
        self,
        site: Site,
        *arguments: str | Path,
        environ: Mapping[str, str] = ...,
        stdin: str = ...,
        stdout: int = ...,
    ) -> Ran: ...


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a project with three files and nothing special."""
    return make_site(tmp_path / "site")


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory that all processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def old_click(environments: Path) -> Path:
    return pythons.old_click(environments)


@pytest.fixture(scope="session")
def uv_made(environments: Path) -> Path:
    return pythons.uv_made(environments)


@pytest.fixture(scope="session")
def ours_alone(environments: Path) -> Path:
    return pythons.ours_alone(environments)


@pytest.fixture(params=["here", "child"])
def collect(request: pytest.FixtureRequest) -> Collect:
    """Return the command, as it runs with Django beside it and with a Python of the project's."""
    python = request.getfixturevalue("old_click") if request.param == "child" else None
    options = ("--python", python) if python else ()

    def collect(
        site: Site,
        *arguments: str | Path,
        **how: Any,
    ) -> Ran:
        command = (sys.executable, "-m", "buildstatic", "collect", "--path", site.root)
        cwd = site.root.parent
        return run(*command, *options, *arguments, cwd=cwd, **how)

    return collect
