"""The main job, end to end: examples/site becomes a running image with a static layer of its own.

Where no Docker engine answers, the site's static files are collected on this machine instead.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from buildstatic.errors import BuildstaticError
from buildstatic.image.engine import connect

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
        print(f"{error}\nSo the static files are collected on this machine:")
        collect_here()
        return
    said = json.loads(buildstatic("build", str(SITE), "--tag", TAG, "--json").splitlines()[-1])
    with running(engine) as address:
        page = fetch(address)
        stylesheet = urljoin(address, re.findall(r'href="([^"]+\.css)"', page)[0])
        fetch(stylesheet)
    static = said["static"]
    print(f"The image {said['image']} serves {address}")
    print(f"  and the fingerprinted {stylesheet}")
    print(f"Its {static['files']} static files are one layer: {static['diff_id']}")
    print("Change a view, run it again, and the layer is the same; change some CSS, and it is not.")


def buildstatic(*arguments: str) -> str:
    """Run buildstatic and return what it prints."""
    command = [sys.executable, "-m", "buildstatic", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def collect_here() -> None:
    """Collect the site's static files into its own STATIC_ROOT."""
    print(buildstatic("collect", "--path", str(SITE), "--noinput"), end="")


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
