"""The main job, end to end: examples/site becomes a running image with a static layer of its own.

Where no Docker engine answers, the embedded builder makes the layer, and the site is started beside
what is in it, as the image would have it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from buildstatic.errors import BuildstaticError
from buildstatic.oci.engine import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

SITE = Path(__file__).parent / "site"
TAG = "buildstatic-demo"
PATIENCE = 60  # seconds


def main() -> None:
    """Build, start, fetch, and say what happened."""
    try:
        engine = connect()
    except BuildstaticError as error:
        print(
            f"{error}\nSo the embedded builder makes the layer, and the site runs on this machine:"
        )
        without_engine()
        return
    static = build("--tag", TAG)["static"]
    with running(engine) as address:
        show(f"The image {TAG}", address, static)


def without_engine() -> None:
    """Make the layer, start the site beside what is in it, and fetch from that."""
    with tempfile.TemporaryDirectory(prefix="buildstatic-demo-") as directory:
        layer, root = Path(directory, "layer.tar.gz"), Path(directory, "root")
        static = build("--builder", "embedded", "--output", str(layer))["static"]
        left_out = shutil.ignore_patterns("staticfiles", "*.sqlite3", "__pycache__", ".*")
        shutil.copytree(SITE, root / "app", ignore=left_out)
        with tarfile.open(layer) as tar:
            tar.extractall(root, filter="data")
        with serving(root / "app", Path(directory, "db.sqlite3")) as address:
            show("The site with the layer's files", address, static)


def build(*options: str) -> dict[str, Any]:
    """Run ``buildstatic build`` on the site and return what it says to programs."""
    command = [sys.executable, "-m", "buildstatic", "build", str(SITE), *options, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def show(what: str, address: str, static: dict[str, Any]) -> None:
    """Fetch the page at *address* and a static file that it names, and say so."""
    page = fetch(address)
    stylesheet = urljoin(address, re.findall(r'href="([^"]+\.css)"', page)[0])
    fetch(stylesheet)
    print(f"{what} serves {address}")
    print(f"  and the fingerprinted {stylesheet}")
    print(f"Its {static['files']} static files are one layer: {static['diff_id']}")
    print("Change a view, run it again, and the layer is the same; change some CSS, and it is not.")


@contextmanager
def serving(app: Path, database: Path) -> Iterator[str]:
    """Run the site in *app* by gunicorn and yield its address once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        bind = f"127.0.0.1:{probe.getsockname()[1]}"
    environment = {
        **os.environ,
        "DJANGO_SECRET_KEY": os.urandom(32).hex(),
        "DATABASE_PATH": str(database),
    }
    python = [sys.executable, "-B"]
    for release in ("migrate --noinput --verbosity=0", "loaddata first_sightings --verbosity=0"):
        command = [*python, "manage.py", *release.split()]
        subprocess.run(command, cwd=app, env=environment, check=True)
    command = ["-m", "gunicorn", "--no-control-socket", "--log-level=warning", f"--bind={bind}"]
    server = subprocess.Popen([*python, *command, "fieldnotes.wsgi"], cwd=app, env=environment)
    try:
        wait_for(f"http://{bind}/")
        yield f"http://{bind}/"
    finally:
        server.terminate()
        server.wait(PATIENCE)


@contextmanager
def running(engine: DockerClient) -> Iterator[str]:
    """Run the image and yield its address once it answers."""
    container = engine.containers.run(
        TAG,
        detach=True,
        ports={"8000/tcp": ("127.0.0.1", 0)},
        environment={
            "DJANGO_SECRET_KEY": os.urandom(32).hex(),
            "DATABASE_PATH": "/data/db.sqlite3",
        },
    )
    try:
        for release in ("migrate --noinput", "loaddata first_sightings"):
            container.exec_run(f"python manage.py {release}")
        container.reload()
        (published,) = container.attrs["NetworkSettings"]["Ports"]["8000/tcp"]
        address = f"http://127.0.0.1:{published['HostPort']}/"
        wait_for(address)
        yield address
    finally:
        container.remove(force=True)


def wait_for(address: str) -> None:
    """Return when *address* answers at all."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            fetch(address)
        except OSError:
            time.sleep(0.2)
        else:
            return
    sys.exit(f"{address} did not answer within {PATIENCE} seconds.")


def fetch(address: str) -> str:
    """Return the body of *address*."""
    with urllib.request.urlopen(address, timeout=10) as response:
        body: bytes = response.read()
    return body.decode()


if __name__ == "__main__":
    main()
