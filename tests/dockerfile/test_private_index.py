"""Packages of a private index, with a password that no layer and no log has.

The index has the other packages of PyPI, too, and is used for the programs that install.
"""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import tomllib
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import ClassVar
from zipfile import ZipInfo

import pytest

from buildstatic.dockerfile.generate import generate_dockerfile
from buildstatic.project.detect import detect
from tests.dockerfile.variants import VARIANTS
from tests.project.tree import project

MIRROR = "mirror.example.org"
USER, TOKEN = "ci-user", "t0p-s3cret-token"
WHEEL = "private_thing-1.0-py3-none-any.whl"
# The index of the installed pip, without its path.
PUBLIC_INDEX = import_module("pip._internal.models.index").PyPI.url.rstrip("/")
pytestmark = pytest.mark.engine


class Index(BaseHTTPRequestHandler):
    """A mirror of PyPI with one package more, for one user."""

    asked: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        expected = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        if self.headers["Authorization"] != f"Basic {expected}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
            return
        self.asked.add(self.path)
        is_page = self.path.endswith("/")
        if is_page and not self.path.endswith("/private-thing/"):
            self.send_response(302)
            self.send_header("Location", f"{PUBLIC_INDEX}{self.path}")
            self.end_headers()
            return
        body = f'<a href="/{WHEEL}">{WHEEL}</a>'.encode() if is_page else wheel()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if is_page else "application/zip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Print nothing."""


def wheel() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        info = "private_thing-1.0.dist-info"
        archive.writestr(ZipInfo("private_thing.py"), "")
        archive.writestr(
            ZipInfo(f"{info}/METADATA"),
            "Metadata-Version: 2.1\nName: private-thing\nVersion: 1.0\n",
        )
        archive.writestr(ZipInfo(f"{info}/WHEEL"), "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(ZipInfo(f"{info}/RECORD"), "")
    return content.getvalue()


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    Index.asked.clear()
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


CREDENTIALS = "${{INDEX_USER}}:${{INDEX_TOKEN}}@"
OF_PIP = CREDENTIALS.replace("INDEX", "PIP")
PROJECT = """\
[project]
name = "site"
version = "1"
requires-python = ">=3.11"
dependencies = ["private-thing==1.0"]
"""
# The variables with the credentials, and the files of each manager.
MANAGERS: dict[str, tuple[tuple[str, str], dict[str, str]]] = {
    "pip": (
        ("PIP_USER", "PIP_TOKEN"),  # the first one is also pip's own for --user
        {
            "requirements.txt": f"--index-url http://{OF_PIP}{MIRROR}:{{port}}/simple\n"
            f"--trusted-host {MIRROR}\nprivate-thing==1.0\n"
        },
    ),
    "uv": (
        ("UV_INDEX_CORP_USERNAME", "UV_INDEX_CORP_PASSWORD"),
        {
            "pyproject.toml": f"{PROJECT}[[tool.uv.index]]\nname = 'corp'\n"
            "url = 'http://127.0.0.1:{port}/simple'\n",
            "uv.lock": """\
version = 1
requires-python = ">=3.11"

[[package]]
name = "private-thing"
version = "1.0"
source = {{ registry = "http://127.0.0.1:{port}/simple" }}
wheels = [
    {{ url = "http://127.0.0.1:{port}/private_thing-1.0-py3-none-any.whl" }},
]

[[package]]
name = "site"
version = "1"
source = {{ virtual = "." }}
dependencies = [
    {{ name = "private-thing" }},
]

[package.metadata]
requires-dist = [{{ name = "private-thing", specifier = "==1.0" }}]
""",
        },
    ),
    "poetry": (
        ("POETRY_HTTP_BASIC_MIRROR_USERNAME", "POETRY_HTTP_BASIC_MIRROR_PASSWORD"),
        {
            "pyproject.toml": "[tool.poetry.dependencies]\npython = '>=3.11'\n"
            "private-thing = '1.0'\n[[tool.poetry.source]]\nname = 'mirror'\n"
            "url = 'http://127.0.0.1:{port}/simple/'\n[tool.poetry]\npackage-mode = false\n",
        },
    ),
    "pdm": (
        ("INDEX_USER", "INDEX_TOKEN"),
        {
            "pyproject.toml": f"{PROJECT}[[tool.pdm.source]]\nname = 'pypi'\n"
            f"url = 'http://{CREDENTIALS}127.0.0.1:{{port}}/simple'\nverify_ssl = true\n",
            "pdm.lock": """\
[metadata]
groups = ["default"]
strategy = ["inherit_metadata"]
lock_version = "4.5.0"
content_hash = "sha256:0"

[[package]]
name = "private-thing"
version = "1.0"
groups = ["default"]
files = []
""",
        },
    ),
    "conda": (
        ("INDEX_USER", "INDEX_TOKEN"),
        {
            "environment.yml": "dependencies:\n- python\n- pip:\n"
            f"  - --extra-index-url http://{CREDENTIALS}127.0.0.1:{{port}}/simple\n"
            "  - private-thing==1.0\n"
        },
    ),
    "pipenv": (
        ("INDEX_USER", "INDEX_TOKEN"),
        {
            "Pipfile": "[[source]]\nname = 'corp'\n"
            f"url = 'http://{CREDENTIALS}127.0.0.1:{{port}}/simple'\nverify_ssl = true\n"
            "[packages]\nprivate-thing = {{ version = '==1.0', index = 'corp' }}\n"
        },
    ),
}


def pipfile_lock(pipfile: str) -> str:
    """Return a lock file with the hash that pipenv compares."""
    data = tomllib.loads(pipfile)
    meta = {"sources": data["source"], "requires": {}}
    hashed = {"_meta": meta, "default": data["packages"], "develop": {}}
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
    meta = {**meta, "pipfile-spec": 6, "hash": {"sha256": sha256(text.encode()).hexdigest()}}
    locked = {"private-thing": {"index": "corp", "version": "==1.0"}}
    return json.dumps({"_meta": meta, "default": locked, "develop": {}}, indent=4)


@pytest.mark.parametrize(
    "manager",
    [
        "pip",
        "uv",
        pytest.param("default uv", marks=pytest.mark.exhaustive),
        *(
            pytest.param(name, marks=pytest.mark.exhaustive)
            for name in ("poetry", "pdm", "pipenv", "conda")
        ),
    ],
)
def test_password_is_in_no_layer_and_no_log(tmp_path: Path, port: int, manager: str) -> None:
    is_default, _, manager = manager.rpartition(" ")
    (user, token), files = MANAGERS[manager]
    contents = {name: text.format(port=port) for name, text in files.items()}
    if is_default:
        contents["pyproject.toml"] += "default = true\n"
    if manager == "pipenv":
        contents["Pipfile.lock"] = pipfile_lock(contents["Pipfile"])
    project(tmp_path, {"mysite/settings.py": "", **contents})
    options = VARIANTS["default"].dockerfile_options
    text = generate_dockerfile(detect(tmp_path, environ={}), options).text
    (tmp_path / "Dockerfile").write_text(text)
    tag = f"buildstatic-private-index:{port}"
    command = ["docker", "build", "--network=host", "--progress=plain", "-t", tag]
    command += [f"--add-host={MIRROR}:127.0.0.1"]
    command += ["--target=deps", f"--secret=id={user},env={user}"]
    command += [f"--secret=id={token},env={token}", str(tmp_path)]
    environ = {**os.environ, user: USER, token: TOKEN}
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    try:
        history = ["docker", "history", "--no-trunc", tag]
        shown = subprocess.run(history, capture_output=True, text=True, check=True).stdout
        run = ["docker", "run", "--rm", tag, "sh", "-c"]
        found = "find /opt/venv -name private_thing.py; echo"
        found += f"; grep -rl {TOKEN} /opt /root /etc /tmp /app || true"
        listed = subprocess.run([*run, found], capture_output=True, text=True, check=True).stdout
    finally:
        subprocess.run(["docker", "rmi", "--force", tag], capture_output=True, check=False)
    installed, _, leaked = listed.partition("\n\n")
    assert installed.endswith("/private_thing.py")
    assert not leaked
    is_mirror = bool(is_default) or manager not in ("pip", "uv", "conda")
    assert (f"/simple/{manager}/" in Index.asked) == is_mirror
    assert TOKEN not in done.stdout + done.stderr + shown
