"""Helpers for tests that need a Docker engine: shared builds, and containers that are removed."""

from __future__ import annotations

import fcntl
import gc
import io
import json
import os
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from buildstatic.errors import BuildstaticError
from buildstatic.oci import engine
from tests.oci import tiny

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

REPOSITORY = "buildstatic-tests"
SECOND = 10**9  # nanoseconds
SERVERS = Path(__file__).with_name("servers")


def connect() -> DockerClient:
    """Return a client of the engine; without one, skip, or fail in a CI that sets DOCKER_HOST."""
    with warnings.catch_warnings():
        # docker leaves the socket that it could not connect to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            return engine.connect()
        except BuildstaticError as error:
            reason = str(error)
        gc.collect()
    if os.environ.get("CI") and os.environ.get("DOCKER_HOST"):
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(frozen=True)
class Build:
    """An image that ``buildstatic build`` made of the project in *root*, and its JSON report."""

    root: Path
    tag: str
    report: dict[str, Any]

    @property
    def static(self) -> dict[str, Any]:
        """The report on the static layer."""
        static: dict[str, Any] = self.report["static"]
        return static


def build(root: Path, tag: str, *options: str, environment: Mapping[str, str] = {}) -> Build:
    """Run ``buildstatic build`` on *root*; if it fails, the test fails."""
    ran = tiny.build(root, "--json", "--tag", tag, *options, environ=environment)
    return Build(root, tag, ran.report)


def once(directory: Path, key: str, make: Callable[[], Any]) -> Any:
    """Return the JSON value of *make*, which runs in the first process that calls this."""
    result = directory / f"{key}.json"
    with (directory / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not result.exists():
            result.write_text(json.dumps(make()))
        return json.loads(result.read_text())


def server_image(shared: Path, stage: str, tag: str) -> str:
    """Build the *stage* of ``servers/Dockerfile`` once per run, and return its *tag*."""

    def make() -> str:
        build = ["docker", "buildx", "build", "--load", f"--target={stage}", f"--tag={tag}"]
        command = [*build, f"--label=of={tag}", str(SERVERS)]
        built = subprocess.run(command, capture_output=True, text=True, timeout=1200)
        assert built.returncode == 0, built.stderr
        return tag

    return str(once(shared, f"image-{stage}", make))


@dataclass(frozen=True)
class Served:
    """A running container and its URL."""

    container: Container
    url: str

    def read(self, path: str) -> str:
        """Return the text of the file *path*, also of an image without programs."""
        stream, _ = self.container.get_archive(path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
            file = archive.extractfile(archive.getmembers()[0])
            assert file
            return file.read().decode()

    def run(self, command: str) -> str:
        """Run *command* in the container as its user and return its output."""
        status, output = self.container.exec_run(["sh", "-c", command])
        assert isinstance(output, bytes)
        assert status == 0, f"{command}: {output.decode()}"
        return output.decode()


@contextmanager
def serve(
    client: DockerClient,
    image: str,
    port: int = 8000,
    environment: Mapping[str, str] = {},
    *,
    read_only: bool = False,
) -> Iterator[Served]:
    """Run *image*, wait for an HTTP response on *port*, and remove the container afterwards.

    It has no capabilities; with *read_only* only /tmp is writable.
    """
    container = client.containers.run(
        image,
        detach=True,
        environment=dict(environment),
        ports={f"{port}/tcp": ("127.0.0.1", 0)},
        healthcheck={"interval": SECOND},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        read_only=read_only,
        tmpfs={"/tmp": ""} if read_only else None,
    )
    try:
        container.reload()
        published = container.ports[f"{port}/tcp"]
        assert published
        served = Served(container, f"http://127.0.0.1:{published[0]['HostPort']}")
        until(lambda: responds(served), "an HTTP response", served)
        yield served
    finally:
        container.remove(force=True, v=True)


def responds(served: Served) -> bool:
    """Return whether the container sends any HTTP response."""
    try:
        get(served.url)
    except OSError:
        return False
    return True


def until(condition: Callable[[], bool], what: str, served: Served, seconds: float = 240) -> None:
    """Wait until *condition* holds; after *seconds* fail with the container's log."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            log = served.container.logs(tail=40).decode()
            pytest.fail(f"Waited {seconds:.0f} s for {what}. The container printed:\n{log}")
        time.sleep(0.2)


@dataclass(frozen=True)
class Response:
    """An HTTP response; *type* is its media type."""

    status: int
    type: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


def get(url: str, **headers: str) -> Response:
    """Fetch *url*; a status of 400 or more is a response too."""
    request = urllib.request.Request(url, headers={"Accept": "text/html, */*", **headers})
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return _response(response)
    except urllib.error.HTTPError as error:
        with error:
            return _response(error)


def _response(response: Any) -> Response:
    type_ = response.headers.get_content_type()
    return Response(response.status, type_, dict(response.headers), response.read())


def inside(client: DockerClient, image: str, script: str) -> str:
    """Run the shell *script* as root in a new container of *image*; return its output."""
    output = client.containers.run(
        image, ["sh", "-c", script], user="0:0", remove=True, network_disabled=True
    )
    return output.decode()
