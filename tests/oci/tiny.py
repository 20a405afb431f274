"""A minimal project with a quick Dockerfile, a fake engine, and the local registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import BaseServer, ThreadingMixIn, UnixStreamServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from tests.collect import fork_server
from tests.project.tree import project

if TYPE_CHECKING:
    from docker import DockerClient

SETTINGS = """\
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "for-the-tests"
INSTALLED_APPS = ["django.contrib.staticfiles"]
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WSGI_APPLICATION = "mysite.wsgi.application"
"""
FILES = {
    "mysite/__init__.py": "",
    "mysite/settings.py": SETTINGS,
    "mysite/wsgi.py": "from django.core.wsgi import get_wsgi_application as application\n",
    "requirements.txt": "Django\ngunicorn\n",
    "static/css/site.css": "body {}\n",
    "static/js/site.js": "site()\n",
}
STATIC = "COPY static/ /layer/app/staticfiles/\n"
FINAL = "FROM scratch\nWORKDIR /app\nCOPY --link --from=static /layer/ /\n"
DOCKERFILE = f"FROM scratch AS static\n{STATIC}{FINAL}"
# An image with a shell, for the static stage.
BASE = "python:3.14-slim"
WITHOUT_DOCKER = {"PATH": str(Path(sys.executable).parent)}
DOORS = pytest.mark.parametrize(
    "door", [pytest.param({}, id="buildx"), pytest.param(WITHOUT_DOCKER, id="api")]
)
COMMAND = (sys.executable, "-m", "buildstatic", "build")


@dataclass(frozen=True)
class Ran:
    """The result of a build: its exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The JSON in the last line of the output."""
        assert self.code == 0, self.err
        report: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return report


def tiny(
    root: Path, dockerfile: str | None = DOCKERFILE, files: Mapping[str, str | bytes] = {}
) -> Path:
    """Write the project with *files* into *root*; no Dockerfile if *dockerfile* is None."""
    own = {} if dockerfile is None else {"Dockerfile": dockerfile}
    return project(root, {**FILES, **own, **files})


def running(command: str) -> str:
    """Return a Dockerfile whose static stage runs *command* in a shell."""
    return f"FROM {BASE} AS static\nRUN {command}\n{STATIC}{FINAL}"


def build(
    root: Path, *options: str, environ: Mapping[str, str] = {}, before: tuple[str, ...] = ()
) -> Ran:
    """Run ``buildstatic build`` on *root*; *before* are arguments before the command."""
    argv = [*before, *COMMAND, *options, str(root)]
    whole_environ = {**os.environ, **environ}
    if fork_server.can_run(argv, environ):
        with tempfile.TemporaryDirectory() as directory:
            return Ran(*fork_server.run(argv, Path.cwd(), whole_environ, Path(directory)))
    done = subprocess.run(
        argv, env=whole_environ, capture_output=True, encoding="utf-8", timeout=fork_server.TIMEOUT
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def wheels_image(temporary: Path) -> str:
    """Return the name of the wheels' image of the build with the directory *temporary*."""
    end = time.monotonic() + 240
    while not (found := list(temporary.glob("buildstatic-wheels-*"))):
        assert time.monotonic() < end
        time.sleep(0.02)
    return f"buildstatic-wheels:{found[0].name.lower().strip('._-')}"


def ids(client: DockerClient, name: str) -> list[str | None]:
    """Return the IDs of the images with the tag *name*."""
    return [image.id for image in client.images.list(name=name)]


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


@contextmanager
def engine_of(socket: Path, version: str, api: str, status: int = 200) -> Iterator[str]:
    """Serve an engine that responds only to version requests; yield its DOCKER_HOST."""
    said = {"Version": version, "ApiVersion": api, "MinAPIVersion": "1.12", "Os": "linux"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path.endswith("/version")
            body = json.dumps(said if known and status == 200 else {"message": "broken"}).encode()
            self.send_response(status if known or self.path.endswith("/_ping") else 404)
            self.send_header("Api-Version", api)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body)

        do_HEAD = do_GET  # noqa: N815 - the server looks for this name

        def address_string(self) -> str:
            return "socket"

        def log_message(self, *_: object) -> None:
            pass

    with serving(_Server(str(socket), Handler)):
        yield f"unix://{socket}"


@contextmanager
def serving(server: BaseServer) -> Iterator[None]:
    """Run *server* in a thread until the block ends."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


REGISTRY = "127.0.0.1:5000"


def registry() -> str:
    """Return the address of the local registry; skip the test if it does not respond."""
    try:
        _, version = fetch("/v2/")
    except OSError:
        pytest.skip(f"No registry responds at {REGISTRY}.")
    assert version == b"{}"
    return REGISTRY


def fetch(path: str, accept: str = "*/*") -> tuple[str, bytes]:
    """Return the media type and the body of *path* in the local registry."""
    request = urllib.request.Request(f"http://{REGISTRY}{path}", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.headers.get_content_type(), response.read()


def manifest(repository: str, reference: str) -> dict[str, Any]:
    """Return the manifest or index of a tag or digest in the local registry."""
    types = (
        "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
        "application/vnd.docker.distribution.manifest.list.v2+json, "
        "application/vnd.docker.distribution.manifest.v2+json"
    )
    _, body = fetch(f"/v2/{repository}/manifests/{reference}", types)
    found: dict[str, Any] = json.loads(body)
    return found


def second_engine() -> str:
    """Return the DOCKER_HOST of an engine with the containerd image store; skip without one."""
    host = os.environ.get("BUILDSTATIC_SECOND_ENGINE")
    if not host:
        pytest.skip("BUILDSTATIC_SECOND_ENGINE (with the containerd image store) is not set.")
    return host
