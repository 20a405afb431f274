"""start in a container with Django, gunicorn, and buildstatic without its dependencies."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from buildstatic.builders.wheel import make_wheel
from buildstatic.errors import DatabaseUnreachable, ServerNotFound
from tests.engine import get, once, serve, until
from tests.runtime.replicas import SITE

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

pytestmark = pytest.mark.engine
# The project's requirements, and buildstatic without its dependencies.
DOCKERFILE = """\
FROM python:3.13-slim
RUN pip install --no-cache-dir django gunicorn 'psycopg[binary]'
COPY wheels /wheels
RUN pip install --no-cache-dir --no-deps /wheels/*.whl \\
 && ! python -c 'import click' && useradd --uid 10001 app && install --directory --owner=app /data
WORKDIR /app
COPY site ./
ENV SQLITE=/data/db.sqlite3 STATIC_ROOT=/data/static
USER app
CMD ["buildstatic", "start", "--migrate"]
"""
SCRIPT = ("buildstatic", "start")
MODULE = ("python", "-m", "buildstatic.runtime", "start")
each_door = pytest.mark.parametrize("command", [SCRIPT, MODULE], ids=["script", "module"])


@pytest.fixture(scope="module")
def image(shared: Path, tag: Callable[[str], str]) -> str:
    """The image of the site."""

    def make() -> str:
        context = shared / "runtime"
        (context / "wheels").mkdir(parents=True)
        make_wheel(context / "wheels")
        shutil.copytree(SITE, context / "site", ignore=shutil.ignore_patterns("__pycache__"))
        (context / "Dockerfile").write_text(DOCKERFILE)
        command = [
            "docker",
            "buildx",
            "build",
            "--load",
            f"--tag={tag('runtime')}",
            f"--label=of={tag('runtime')}",
            str(context),
        ]
        built = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert built.returncode == 0, built.stderr
        return tag("runtime")

    return str(once(shared, "runtime", make))


@contextmanager
def running(
    client: DockerClient, image: str, command: Sequence[str], **options: Any
) -> Iterator[Container]:
    """Run *command* in a container of *image*; remove it at the end of the block."""
    container = client.containers.run(image, list(command), detach=True, **options)
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def ended(container: Container) -> tuple[int, str]:
    """Return the exit status of *container* when it has one, and all that it printed."""
    status: int = container.wait(timeout=240)["StatusCode"]
    return status, container.logs().decode()


def test_gunicorn_is_process_1_and_stops_in_time(image: str, engine: DockerClient) -> None:
    with serve(engine, image) as served:
        assert get(served.url).text == "served"
        assert "gunicorn" in served.run("cat /proc/1/cmdline")
        assert served.run("ls /data").split() == ["db.sqlite3", "db.sqlite3.migrate-lock", "static"]
        log = served.container.logs().decode()
        assert "buildstatic: migrated default in " in log
        assert "Listening at: http://0.0.0.0:8000 (1)" in log
        served.container.stop(timeout=60)
        assert served.container.wait()["StatusCode"] == 0


def test_port_and_gunicorns_variables(image: str, engine: DockerClient) -> None:
    environment = {"PORT": "9001", "WEB_CONCURRENCY": "2"}
    with serve(engine, image, port=9001, environment=environment) as served:
        until(lambda: log(served.container).count("Booting worker") == 2, "two workers", served)
    environment = {"PORT": "9001", "GUNICORN_CMD_ARGS": "--bind 0.0.0.0:9002"}
    with serve(engine, image, port=9002, environment=environment) as served:
        assert get(served.url).text == "served"


def log(container: Container) -> str:
    return container.logs().decode()


def test_exit_status_of_gunicorn_is_the_containers(image: str, engine: DockerClient) -> None:
    with running(engine, image, SCRIPT, environment={"BOOT_FAIL": "1"}) as container:
        status, said = ended(container)
    assert (status, "does not boot" in said) == (3, True)


NOWHERE = json.dumps(
    {"default": {"ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "NAME": "none"}}
)


@each_door
def test_sigterm_ends_process_1_while_it_waits(
    command: tuple[str, ...], image: str, engine: DockerClient
) -> None:
    with running(engine, image, command, environment={"DATABASES": NOWHERE}) as container:
        deadline = time.monotonic() + 240
        while "waiting for the database" not in log(container):
            assert time.monotonic() < deadline, log(container)
            time.sleep(0.1)
        container.stop(timeout=60)
        status, said = ended(container)
    assert status == 143
    assert "buildstatic: ended by SIGTERM\n" in said


def test_read_only_disk(image: str, engine: DockerClient) -> None:
    argv = [*MODULE, "--migrate"]
    with running(engine, image, argv, read_only=True, environment={"STATIC_ROOT": ""}) as container:
        status, said = ended(container)
    assert status == DatabaseUnreachable.exit_code
    assert "unable to open database file" in said.splitlines()[-1]


def test_missing_gunicorn(image: str, engine: DockerClient) -> None:
    script = "pip uninstall --quiet --yes gunicorn && exec su app -c 'python -m buildstatic start'"
    with running(engine, image, ["sh", "-c", script], user="0:0") as container:
        status, said = ended(container)
    assert status == ServerNotFound.exit_code
    assert "error: The server gunicorn is not installed" in said
    assert "Add it to the project's requirements" in said


def test_command_that_needs_dependencies(image: str, engine: DockerClient) -> None:
    with running(engine, image, ["buildstatic", "collect"]) as container:
        status, said = ended(container)
    assert status == 2
    assert "invalid choice: 'collect'" in said
