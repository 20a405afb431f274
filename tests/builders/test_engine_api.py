"""The engine's API without a docker command: its traces, contexts, and what it does not support."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.builders.engine_api import from_protobuf
from buildstatic.builders.events import StepOutput, Vertex
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


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def field(number: int, value: bytes | str | int) -> bytes:
    """Encode one field of a protobuf message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def test_trace_has_names_times_and_output() -> None:
    started = field(1, 1_767_225_600) + field(2, 500_000_000)
    vertex = b"".join(
        [
            field(1, "sha256:1"),
            field(2, "sha256:0"),
            field(2, "sha256:9"),
            field(3, "[static 1/1] RUN é" + "x" * 300),
            field(4, 1),
            field(5, started),
            field(6, field(1, 1_767_225_601)),
            field(7, "it failed"),
        ]
    )
    waiting = field(1, "sha256:2") + field(3, "x")
    log = field(1, "sha256:1") + field(3, 1) + field(4, b"caf\xc3\xa9 \xff\n")
    message = field(1, vertex) + field(1, waiting) + field(2, b"ignored") + field(3, log)
    assert list(from_protobuf(message)) == [
        Vertex(
            "sha256:1",
            "[static 1/1] RUN é" + "x" * 300,
            datetime(2026, 1, 1, 0, 0, 0, 500_000, UTC),
            datetime(2026, 1, 1, 0, 0, 1, 0, UTC),
            True,
            "it failed",
        ),
        Vertex("sha256:2", "x"),
        StepOutput("sha256:1", "café �\n"),
    ]
    assert list(from_protobuf(b"")) == []


@pytest.mark.engine
@pytest.mark.parametrize("fails", [False, True])
def test_wheel_is_in_the_build_and_its_image_is_removed(
    tmp_path: Path, tag: Callable[[str], str], engine: DockerClient, fails: bool
) -> None:
    check = 'test -f "$BUILDSTATIC" && ls /wheels | wc -l | grep -qx 1'
    mount = "--mount=type=bind,from=buildstatic-wheels,target=/wheels"
    dockerfile = (
        f"FROM scratch AS buildstatic-wheels\nFROM {BASE} AS static\nARG BUILDSTATIC=none\n"
        f"RUN {mount} {check} && {'false' if fails else f'echo {uuid.uuid4()}'}\n{STATIC}{FINAL}"
    )
    root = tiny(tmp_path / "tiny", dockerfile)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environ = {**os.environ, **WITHOUT_DOCKER, "TMPDIR": str(temporary)}
    with subprocess.Popen([*COMMAND, "--tag", tag("wheels"), str(root)], env=environ) as process:
        image = wheels_image(temporary)
        assert process.wait(120) == (43 if fails else 0)
    assert ids(engine, image) == []


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_context_respects_dockerignore_modes_and_links(
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
    """Serve a registry that requires a login; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        # Respond to a TLS handshake, too, so that the engine falls back to plain HTTP.
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


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_private_base_image_advises_buildx(tmp_path: Path) -> None:
    with private_registry() as address:
        base = f"{address}/private:1"
        root = tiny(tmp_path / "tiny", f"FROM {base} AS static\n{STATIC}{FINAL}")
        ran = build(root, environ=WITHOUT_DOCKER)
    assert (ran.code, ran.out) == (44, "")
    assert "cannot log in to the registry of a base image" in ran.err
    assert address in ran.err
    assert "buildx plugin, which supports this" in ran.err


@pytest.mark.engine
def test_engine_that_accepts_no_context_advises_buildx(tmp_path: Path) -> None:
    from docker import DockerClient

    host = second_engine()
    client = DockerClient(base_url=host)
    version = client.version()["Version"]
    client.close()
    if int(version.partition(".")[0]) >= 28:
        pytest.skip(f"Docker {version} accepts a context.")
    root = tiny(tmp_path / "tiny")
    ran = build(root, environ={**WITHOUT_DOCKER, "DOCKER_HOST": host})
    assert (ran.code, ran.out) == (44, "")
    assert "does not accept a build context: it uses the containerd image store" in ran.err
    assert "buildx plugin, which supports this" in ran.err
