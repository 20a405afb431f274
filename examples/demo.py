"""Build examples/site into an image with a static layer, start it, and fetch a static file.

Without a Docker engine the embedded builder writes the layer, and the site runs on this machine
with the files of that layer.
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
TIMEOUT = 60  # seconds


def main() -> None:
    """Build, start, fetch, and print the result."""
    try:
        engine = connect()
    except BuildstaticError as error:
        print(f"{error}\nUsing the embedded builder, and running the site on this machine:")
        without_engine()
        return
    static = build("--tag", TAG)["static"]
    with running(engine) as address:
        show(f"The image {TAG}", address, static)


def without_engine() -> None:
    """Write the layer, extract it, and start the site with its files."""
    with tempfile.TemporaryDirectory(prefix="buildstatic-demo-") as directory:
        layer, root = Path(directory, "layer.tar.gz"), Path(directory, "root")
        static = build("--builder", "embedded", "--output", str(layer))["static"]
        left_out = shutil.ignore_patterns("staticfiles", "*.sqlite3", "__pycache__", ".*")
        shutil.copytree(SITE, root / "app", ignore=left_out)
        with tarfile.open(layer) as tar:
            # Python 3.11 has the filter since 3.11.4.
            tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
            tar.extractall(root)
        with serving(root / "app", Path(directory, "db.sqlite3")) as address:
            show("The site, with the files of the layer,", address, static)


def build(*options: str) -> dict[str, Any]:
    """Run ``buildstatic build`` on the site and return its JSON report."""
    command = [sys.executable, "-m", "buildstatic", "build", str(SITE), *options, "--json"]
    process = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    report: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return report


def show(what: str, address: str, static: dict[str, Any]) -> None:
    """Fetch the page at *address* and the style sheet that it refers to."""
    page = fetch(address)
    stylesheet = urljoin(address, re.findall(r'href="([^"]+\.css)"', page)[0])
    fetch(stylesheet)
    print(f"{what} serves {address}")
    print(f"  and {stylesheet}")
    print(f"{static['files']} static files in the static layer: {static['diff_id']}")
    print("Change a view and run this again: the layer stays the same. Change CSS: it is new.")


@contextmanager
def serving(app: Path, database: Path) -> Iterator[str]:
    """Run the site in *app* with gunicorn and yield its address once it responds."""
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
        server.wait(TIMEOUT)


@contextmanager
def running(engine: DockerClient) -> Iterator[str]:
    """Run the image and yield its address once it responds."""
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
    """Wait until *address* responds."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        try:
            fetch(address)
        except OSError:
            time.sleep(0.2)
        else:
            return
    sys.exit(f"{address} did not respond within {TIMEOUT} seconds.")


def fetch(address: str) -> str:
    """Return the body of *address*."""
    with urllib.request.urlopen(address, timeout=10) as response:
        body: bytes = response.read()
    return body.decode()


if __name__ == "__main__":
    main()
