"""A remote BuildKit builder: the one of an engine, served over TCP for buildx's remote driver."""

from __future__ import annotations

import os
import socket
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

from tests.oci.tiny import serving

# Engine API, "Interactive gRPC": the connection becomes the one of a BuildKit daemon.
UPGRADE = (
    b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class _Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def buildkit(host: str) -> Iterator[str]:
    """Serve the BuildKit of the engine at the socket *host*; yield its ``tcp://`` address."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as engine:
                engine.connect(host.removeprefix("unix://"))
                engine.sendall(UPGRADE)
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    byte = engine.recv(1)
                    assert byte, head
                    head += byte
                assert head.startswith(b"HTTP/1.1 101 "), head
                there = Thread(target=pump, args=(self.request, engine), daemon=True)
                there.start()
                pump(engine, self.request)
                there.join()

    with serving(server := _Server(("127.0.0.1", 0), Handler)):
        yield f"tcp://127.0.0.1:{server.server_address[1]}"


def pump(source: socket.socket, target: socket.socket) -> None:
    """Copy all bytes from *source* to *target*, then shut down writing."""
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def builder(address: str, directory: Path) -> tuple[str, Mapping[str, str]]:
    """Create a builder for the BuildKit at *address*, configured in *directory* only.

    Return its name and the environment variables that select the configuration.
    """
    name = f"far-{uuid.uuid4().hex[:8]}"
    environ = {"BUILDX_CONFIG": str(directory)}
    command = ["docker", "buildx", "create", "--name", name, "--driver", "remote", address]
    subprocess.run(
        command, env={**os.environ, **environ}, check=True, capture_output=True, timeout=240
    )
    return name, environ
