"""Every serve command of every platform, run by a shell in a container."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.platforms import PLATFORMS
from buildstatic.platforms.options import Options
from buildstatic.project import Connection, Fact, Project
from buildstatic.project.detect import detect
from tests.platforms.containers import idle, put, run, services
from tests.platforms.projects import CUSTOM, GENERATED
from tests.samples import copy

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.engine

OPTIONS = {
    "usual": Options(dockerfile=GENERATED, builder="railpack"),
    "in the build": Options(dockerfile=GENERATED, builder="railpack", chain="build"),
    "foreign": Options(dockerfile=CUSTOM, builder="dockerfile"),
}
HOSTILE = 'it\'s $(touch pwned) `touch pwned` "q" %s ünï\\;# &'
ENVIRONMENT = {"DJANGO_SECRET_KEY": "x"}


def lines(project: Project) -> Iterator[tuple[str, str]]:
    """Yield each serve command of all platforms once, with a name."""
    connection = Fact(Connection("sqlite", "DATABASE_URL"), "settings.py:1")
    found: dict[str, str] = {}
    for kind, options in OPTIONS.items():
        for item in (project, replace(project, connection=connection)):
            for platform in PLATFORMS:
                for file in platform.files(item, options):
                    for line in file.serves:
                        found.setdefault(line, f"{file.path}, {kind}")
    for line, name in found.items():
        yield name, line


def runs(project: Project, directory: str, ports: tuple[str, ...]) -> list[list[object]]:
    """Return a run of each command with each of *ports*; empty means no PORT."""
    planned: list[list[object]] = []
    for name, line in lines(project):
        for port in ports:
            number = len(planned)
            database = {"DATABASE_URL": f"sqlite:////tmp/{len(directory)}-{number}.sqlite3"}
            given = {**ENVIRONMENT, **database, **({"PORT": port} if port else {})}
            planned.append([f"{name}, {port or 'no'} port, {directory}", directory, given, line])
    return planned


def test_every_serve_command_serves_and_stops(
    engine: DockerClient, shared: Path, tag: Callable[[str], str], tmp_path: Path
) -> None:
    """With and without PORT, and in a directory with a hostile name."""
    image = services(shared, tag("services"))["tag"]
    usual = copy("services", tmp_path)
    root = tmp_path / "hostile"
    root.mkdir()
    copy("services", root).rename(root / HOSTILE)
    planned = [
        *runs(detect(usual), "/app", ("9123", "")),
        *runs(detect(root), "/srv/hostile", ("9123",)),
    ]
    driver = Path(__file__).with_name("drive.py").read_text()
    with idle(engine, image, user="0:0", network_disabled=True) as container:
        run(container, "mkdir", "/srv/hostile")
        run(container, "cp", "-r", "/app", f"/srv/hostile/{HOSTILE}")
        put(container, "/tmp", {"drive.py": driver, "runs.json": json.dumps(planned)})
        outcomes = json.loads(run(container, "python", "/tmp/drive.py", "/tmp/runs.json"))
        assert not run(container, "find", "/app", "/srv", "/tmp", "-name", "pwned")
    assert len(outcomes) == len(planned) > 10
    for name, outcome in outcomes.items():
        assert (outcome["page"], outcome["status"]) == ("well", 0), f"{name}\n{outcome['log']}"
