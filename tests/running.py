"""Helpers that run programs in a checkout, to their end or as a server on a free port."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

SECONDS = 60


def environment(**more: str) -> dict[str, str]:
    """Return an environment with this environment's programs and nothing else of the machine."""
    programs = Path(sys.executable).parent
    return {"PATH": f"{programs}:{os.defpath}", "HOME": "/nonexistent", **more}


def run(root: Path, *argv: str) -> None:
    """Run *argv* in *root*; raises CalledProcessError if it fails."""
    subprocess.run(argv, cwd=root, env=environment(), check=True, capture_output=True)


def migrations(root: Path) -> int:
    """Return the number of migrations applied to the SQLite database in *root*."""
    with closing(sqlite3.connect(root / "db.sqlite3")) as database:
        (count,) = database.execute("SELECT count(*) FROM django_migrations").fetchone()
    assert isinstance(count, int)
    return count


@contextmanager
def serving(root: Path, argv: Sequence[str]) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start *argv* with PORT set to a free port; yield its URL and the process."""
    port = free_port()
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(
            argv,
            cwd=root,
            env=environment(PORT=str(port), WEB_CONCURRENCY="2"),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(SECONDS)


@contextmanager
def started(*argv: object, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start *argv* in a new session and kill what is left of the session afterwards."""
    arguments = [str(argument) for argument in argv]
    with subprocess.Popen(arguments, text=True, start_new_session=True, **options) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def free_port() -> int:
    """Return a port that nothing listens on, outside of the kernel's ephemeral range."""
    while True:
        port = random.randrange(20000, 30000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def assert_page_and_style_sheet(url: str) -> None:
    """Fetch the admin's login page and the fingerprinted style sheet that it refers to."""
    page = fetch(f"{url}/admin/login/").decode()
    style_sheet = re.search(r'href="(/static/admin/css/base\.[0-9a-f]{12}\.css)"', page)
    assert style_sheet, page
    assert b"--primary" in fetch(url + style_sheet[1])


def fetch(url: str) -> bytes:
    """Return the body of *url*, retrying until something listens there."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=SECONDS) as response:
                body: bytes = response.read()
                return body
        except urllib.error.HTTPError as error:
            error.close()
            raise
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
