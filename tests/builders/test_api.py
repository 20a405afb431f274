"""The engine's API, where there is no docker command: what it builds, and what it cannot."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.oci.tiny import (
    BASE,
    COMMAND,
    FINAL,
    STATIC,
    WITHOUT_DOCKER,
    build,
    ids,
    second_engine,
    serving,
    tiny,
    wheels_image,
)

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

WHEELS = "--mount=type=bind,from=buildstatic-wheels,target=/wheels"


def with_wheels(command: str) -> str:
    """Return a Dockerfile whose static stage runs *command* where it sees the wheels."""
    return (
        f"FROM scratch AS buildstatic-wheels\nFROM {BASE} AS static\nARG BUILDSTATIC=none\n"
        f"RUN {WHEELS} {command}\n{STATIC}{FINAL}"
    )


def build_and_name_the_wheels(root: Path, *options: str) -> tuple[int, str]:
    """Build *root*; return the exit code, and the name of the image that had the wheels."""
    temporary = root.parent / "tmp"
    temporary.mkdir()
    environ = {**os.environ, **WITHOUT_DOCKER, "TMPDIR": str(temporary)}
    with subprocess.Popen([*COMMAND, *options, str(root)], env=environ) as process:
        name = wheels_image(temporary)
        return process.wait(120), name


def test_the_version_that_runs_comes_into_the_build_and_its_image_goes_again(
    tmp_path: Path, tag: Callable[[str], str], engine: DockerClient
) -> None:
    check = 'test -f "$BUILDSTATIC" && ls /wheels | wc -l | grep -qx 1'
    root = tiny(tmp_path / "tiny", with_wheels(f"{check} && echo {uuid.uuid4()}"))
    code, image = build_and_name_the_wheels(root, "--tag", tag("wheels"))
    assert code == 0
    assert ids(engine, image) == []


def test_the_image_of_the_wheels_goes_when_the_build_fails(
    tmp_path: Path, engine: DockerClient
) -> None:
    root = tiny(tmp_path / "tiny", with_wheels("ls /wheels && false"))
    code, image = build_and_name_the_wheels(root)
    assert code == 43
    assert ids(engine, image) == []


def test_the_context_is_what_dockerignore_leaves_of_the_project(
    tmp_path: Path, tag: Callable[[str], str]
) -> None:
    kept = "test -f static/css/site.css && test -x run.sh && test -L link && ! test -e secret.txt"
    dockerfile = f"FROM {BASE} AS static\nCOPY . .\nRUN {kept}\n{STATIC}{FINAL}"
    root = tiny(tmp_path / "tiny", dockerfile, {"secret.txt": "", ".dockerignore": "secret.txt\n"})
    (root / "run.sh").touch(mode=0o755)
    (root / "link").symlink_to("manage.py")
    ran = build(root, "--tag", tag("context"), environ=WITHOUT_DOCKER)
    assert ran.code == 0, ran.err


@contextmanager
def private_registry() -> Iterator[str]:
    """Serve a registry that asks everybody to log in; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        # With a status line for a TLS handshake, too, after which the engine tries plain HTTP.
        default_request_version = "HTTP/1.0"

        def do_GET(self) -> None:
            body = b'{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}'
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="private"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the server looks for this name

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with serving(server):
        yield f"127.0.0.1:{server.server_port}"


def test_a_private_base_image_is_refused_with_what_can(tmp_path: Path) -> None:
    with private_registry() as address:
        base = f"{address}/private:1"
        root = tiny(tmp_path / "tiny", f"FROM {base} AS static\n{STATIC}{FINAL}")
        ran = build(root, environ=WITHOUT_DOCKER)
    assert (ran.code, ran.out) == (44, "")
    assert "cannot log in to the registry of a base image" in ran.err
    assert address in ran.err
    assert "buildx plugin, which supports this" in ran.err


def test_an_engine_whose_api_takes_no_context_is_refused_with_what_can(tmp_path: Path) -> None:
    from docker import DockerClient

    host = second_engine()
    client = DockerClient(base_url=host)
    version = client.version()["Version"]
    client.close()
    if int(version.partition(".")[0]) >= 28:
        pytest.skip(f"Docker {version} takes one.")
    root = tiny(tmp_path / "tiny")
    ran = build(root, environ={**WITHOUT_DOCKER, "DOCKER_HOST": host})
    assert (ran.code, ran.out) == (44, "")
    assert "does not accept a build context: it uses the containerd image store" in ran.err
    assert "buildx plugin, which supports this" in ran.err
