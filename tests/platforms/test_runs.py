"""What is generated, run on a real startproject: honcho, a shell, gunicorn, HTTP, SIGTERM."""

from __future__ import annotations

import json
import os
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
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from buildstatic.platforms import PLATFORMS
from buildstatic.templates.write import compare, write
from tests.platforms.projects import USUAL, project

EDITS = """
ALLOWED_HOSTS = ["127.0.0.1"]
DEBUG = False
STATIC_ROOT = BASE_DIR / "staticfiles"
MIDDLEWARE.insert(1, "whitenoise.middleware.WhiteNoiseMiddleware")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
"""
SECONDS = 60


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a startproject, edited for production, with all that is generated for it."""
    root = tmp_path / "my site"
    root.mkdir()
    _run(root, "django-admin", "startproject", "mysite", ".")
    with (root / "mysite" / "settings.py").open("a") as settings:
        settings.write(EDITS)
    found = project(root)
    files = [file for platform in PLATFORMS for file in platform.files(found, USUAL)]
    write(root, compare(root, files))
    return root


def test_honcho_runs_release_to_its_end_and_then_web(checkout: Path) -> None:
    _run(checkout, "python", "manage.py", "collectstatic", "--noinput")  # as the buildpack does
    _run(checkout, "honcho", "start", "release")
    assert _migrations(checkout) > 0
    with _serving(checkout, ["honcho", "start", "web"]) as (url, _):
        _assert_page_and_style_sheet(url)


def test_railways_start_command_serves_a_fresh_checkout(checkout: Path) -> None:
    command = json.loads((checkout / "railway.json").read_text())["deploy"]["startCommand"]
    with _serving(checkout, ["sh", "-c", command]) as (url, process):
        _assert_page_and_style_sheet(url)
        assert _migrations(checkout) > 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


def test_railways_start_command_stops_at_the_first_step_that_fails(checkout: Path) -> None:
    command = json.loads((checkout / "railway.json").read_text())["deploy"]["startCommand"]
    (checkout / "staticfiles").write_text("no directory\n")
    done = subprocess.run(["sh", "-c", command], cwd=checkout, env=_environment(), check=False)
    assert done.returncode != 0
    assert not (checkout / "db.sqlite3").exists()


def test_deploy_sh_serves_a_fresh_checkout(checkout: Path) -> None:
    with _serving(checkout, ["./deploy.sh"]) as (url, process):
        _assert_page_and_style_sheet(url)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


def _environment(**more: str) -> dict[str, str]:
    programs = Path(sys.executable).parent
    return {"PATH": f"{programs}:{os.defpath}", "HOME": "/nonexistent", **more}


def _run(root: Path, *argv: str) -> None:
    subprocess.run(argv, cwd=root, env=_environment(), check=True, capture_output=True)


def _migrations(root: Path) -> int:
    with closing(sqlite3.connect(root / "db.sqlite3")) as database:
        (count,) = database.execute("SELECT count(*) FROM django_migrations").fetchone()
    assert isinstance(count, int)
    return count


@contextmanager
def _serving(root: Path, argv: Sequence[str]) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start *argv* with a free PORT; yield where it answers, and its process."""
    port = _free_port()
    environment = _environment(PORT=str(port), WEB_CONCURRENCY="2")
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(
            argv, cwd=root, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _assert_page_and_style_sheet(url: str) -> None:
    page = _get(f"{url}/admin/login/").decode()
    style_sheet = re.search(r'href="(/static/admin/css/base\.[0-9a-f]{12}\.css)"', page)
    assert style_sheet
    assert b"--primary" in _get(url + style_sheet[1])


def _get(url: str) -> bytes:
    """Return what *url* answers, as soon as something listens there."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=SECONDS) as answer:
                body: bytes = answer.read()
                return body
        except urllib.error.HTTPError as error:
            error.close()
            raise
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
