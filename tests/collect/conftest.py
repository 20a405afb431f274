"""Fixtures: a small project, the collect command, and Python environments of projects."""

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
    """A project with three static files."""
    return make_site(tmp_path / "site")


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all processes of this run share."""
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


@pytest.fixture
def collect() -> Collect:
    """``buildstatic collect`` with Django in buildstatic's own environment."""
    return _command()


@pytest.fixture
def collect_in_child(old_click: Path) -> Collect:
    """``buildstatic collect`` with Django in an environment of the project's."""
    return _command("--python", old_click)


def _command(*options: str | Path) -> Collect:
    def collect(site: Site, *arguments: str | Path, **how: Any) -> Ran:
        command = (sys.executable, "-m", "buildstatic", "collect", "--path", site.root)
        return run(*command, *options, *arguments, cwd=site.root.parent, **how)

    return collect
