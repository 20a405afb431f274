"""compose.yaml, run by Docker Compose itself: the web, a worker, a real PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.cli import run as buildstatic
from buildstatic.platforms import compose
from buildstatic.platforms.options import Options
from tests.conftest import RUN
from tests.engine import get, server_image
from tests.platforms.containers import idle, put, run, services
from tests.platforms.projects import AWKWARD, GENERATED, in_directory
from tests.running import free_port
from tests.samples import copy
from tests.test_golden import GOLDEN

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

pytestmark = pytest.mark.engine
SOCKET = "/var/run/docker.sock"
SECONDS = 240


@contextmanager
def tool(client: DockerClient, shared: Path, tag: Callable[[str], str]) -> Iterator[Container]:
    """Yield a container with Docker Compose and the engine's socket."""
    host = os.environ.get("DOCKER_HOST", f"unix://{SOCKET}")
    if not host.startswith("unix://"):
        pytest.skip(f"Docker Compose needs the engine's socket, but DOCKER_HOST is {host}.")
    image = server_image(shared, "compose", tag("compose"))
    volumes = {host.removeprefix("unix://"): {"bind": SOCKET, "mode": "rw"}}
    with idle(client, image, volumes=volumes) as container:
        yield container


def states(container: Container) -> dict[str, tuple[str, int]]:
    """Return each service's state and exit code."""
    printed = run(container, "docker", "compose", "ps", "--all", "--format", "json")
    found = [json.loads(line) for line in printed.splitlines()]
    return {item["Service"]: (item["State"], item["ExitCode"]) for item in found}


def notes(port: int) -> int:
    """Return the number of notes on the page, 0 while it does not respond."""
    try:
        found = re.search(r"Notes: (\d+)", get(f"http://127.0.0.1:{port}/").text)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def test_compose_migrates_once_before_serving(
    engine: DockerClient, shared: Path, tag: Callable[[str], str], tmp_path: Path
) -> None:
    """If migrating fails, nothing serves."""
    name, port = f"compose-{os.environ[RUN]}", free_port()
    root = copy("services", tmp_path).rename(tmp_path / name)
    assert buildstatic(["generate", "dockerfile", "compose", "--path", str(root)]) == 0
    engine.images.get(services(shared, tag("services"))["tag"]).tag(name)
    database = server_image(shared, "postgres", tag("postgres"))
    files = {
        "compose.yaml": (root / "compose.yaml").read_text(),
        "compose.override.yaml": f"services: {{database: {{image: '{database}'}}}}\n",
        ".env": f"DJANGO_SECRET_KEY=it's $$HOME\nDATABASE_PASSWORD=a1\nPORT={port}\n",
    }
    with tool(engine, shared, tag) as container:
        put(container, "/project", files)
        try:
            up = ("docker", "compose", "up", "--detach", "--no-build")
            run(container, *up)
            end = time.monotonic() + SECONDS
            while notes(port) < 2 and time.monotonic() < end:
                time.sleep(0.2)
            assert notes(port) >= 2, run(container, "docker", "compose", "logs")
            found = states(container)
            assert found.pop("migrate") == ("exited", 0)
            assert found == dict.fromkeys(("web", "worker", "database"), ("running", 0))

            run(container, "docker", "compose", "down", "--timeout=2")
            run(container, *up, fails=True, DATABASE_PASSWORD="another")
            found = states(container)
            assert found["migrate"] == ("exited", 1)
            assert found["web"][0] == "created"
        finally:
            run(container, "docker", "compose", "down", "--timeout=2", "--volumes")
            engine.images.remove(name)


def test_missing_secret_is_named(
    engine: DockerClient, shared: Path, tag: Callable[[str], str]
) -> None:
    text = (GOLDEN / "services" / "compose.yaml").read_text()
    with tool(engine, shared, tag) as container:
        put(container, "/project", {"compose.yaml": text, ".env": "DATABASE_PASSWORD=x\n"})
        assert "DJANGO_SECRET_KEY" in run(container, "docker", "compose", "config", fails=True)


@pytest.mark.exhaustive
def test_compose_accepts_golden_files_and_any_directory_name(
    engine: DockerClient, shared: Path, tag: Callable[[str], str], tmp_path: Path
) -> None:
    golden = {
        f"{path.parent.name}.yaml": path.read_text() for path in GOLDEN.glob("*/compose.yaml")
    }
    directories = {f"awkward-{number}.yaml": name for number, name in enumerate(AWKWARD)}
    awkward = {
        file: compose.files(in_directory(tmp_path, name), Options(dockerfile=GENERATED))[0].text
        for file, name in directories.items()
    }
    required = ("DJANGO_SECRET_KEY", "SECRET_KEY", "PAYMENTS_URL", "DATABASE_PASSWORD")
    environment_file = "".join(f"{name}=x\n" for name in required)
    with tool(engine, shared, tag) as container:
        put(container, "/project", {**golden, **awkward, ".env": environment_file})
        for file in (*golden, *awkward):
            command = ("docker", "compose", "--file", file, "config", "--format", "json")
            config = json.loads(run(container, *command))
            if file in directories:
                words = config["services"]["migrate"]["command"]
                # The printed config is escaped.
                assert directories[file] in " ".join(words).replace("$$", "$").replace(
                    "'\"'\"'", "'"
                )
