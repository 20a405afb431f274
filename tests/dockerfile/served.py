"""A site with static files of many types, and requests to the server that serves it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.engine import server_image
from tests.samples import copy

# A Debian image that is available on all engines that run the tests.
DEBIAN = "python:3.13-slim"
PORT = 8080
RULES = "".join(f".rule-{number} {{ color: #{number:06x}; }}\n" for number in range(300))
FILES = {
    "css/large.css": RULES,
    "js/app.js": RULES.replace("{", "/*{").replace("}", "}*/"),
    "js/module.mjs": "export const one = 1;\n",
    "img/dot.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>\n",
    "img/dot.png": "\x89PNG\r\n\x1a\n",
    "font/one.woff2": "wOF2",
    "data/one.json": '{"one": 1}\n',
    "data/one.wasm": "\0asm",
    "data/one.webmanifest": "{}\n",
    "data/report.202401011200.txt": "of the first of January\n",
    "data/no suffix": "text\n",
    "docs/index.html": "<p>A page.</p>\n",
    "js/app.js.map": '{"version": 3}\n',
}
TYPES = {
    "css/large.css": {"text/css; charset=utf-8"},
    "js/app.js": {"text/javascript; charset=utf-8", "application/javascript; charset=utf-8"},
    "js/module.mjs": {"text/javascript; charset=utf-8"},
    "img/dot.svg": {"image/svg+xml"},
    "img/dot.png": {"image/png"},
    "font/one.woff2": {"font/woff2"},
    "data/one.json": {"application/json"},
    "data/one.wasm": {"application/wasm"},
    "data/one.webmanifest": {"application/manifest+json"},
    "docs/index.html": {"text/html; charset=utf-8"},
    "js/app.js.map": {"application/json"},
}


def base(server: str, shared: Path, tag: Callable[[str], str]) -> str:
    """Return the build argument for the base image of *server*."""
    is_caddy = server == "caddy"
    return f"ASSETS_IMAGE={server_image(shared, 'caddy', tag('caddy')) if is_caddy else DEBIAN}"


def site(parent: Path) -> Path:
    """Create the project in *parent* and return its directory."""
    root = copy("manifest", parent)
    for name, text in FILES.items():
        path = root / "static" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1"))
    return root


@dataclass(frozen=True)
class Response:
    """A response; the header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def fetch(url: str, path: str, method: str = "GET", **headers: str) -> Response:
    """Request *path*, unescaped, from the server at *url*; ``_`` in header names becomes ``-``."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, headers={"Accept-Encoding": "identity", **named})
        with connection.getresponse() as response:
            found = {name.lower(): value for name, value in response.getheaders()}
            return Response(response.status, found, response.read())
    finally:
        connection.close()


def names(text: str) -> dict[str, str]:
    """Return the fingerprinted names in the manifest *text*."""
    paths: dict[str, str] = json.loads(text)["paths"]
    return paths
