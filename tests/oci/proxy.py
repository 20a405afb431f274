"""A proxy before the registry of this machine, with the faults that networks have."""

from __future__ import annotations

import base64
import json
import re
import ssl
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.oci.tiny import registry, serving

USER, PASSWORD = "alice", "s3cret"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
IDENTITY = "the-identity"
DROPPED = {"connection", "transfer-encoding", "content-length", "date", "server", "host"}


@dataclass
class Fault:
    """What happens to the first *times* requests of *method* whose path matches *path*.

    *status* is answered with *headers* and *body*; else the answer is *cut* after that many bytes,
    or its bytes are *spoilt*, or it is *whole* whatever range is asked for; *drop* ends the
    connection after that many bytes of the request.
    """

    method: str
    path: str
    times: int = 1
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = -1
    spoilt: bool = False
    whole: bool = False
    body: bytes = b"{}"
    drop: int = -1
    then: Callable[[], object] = lambda: None


@dataclass
class Proxy:
    """A registry at *host*; *seen* has the method, path and status of each request.

    *authorized* the paths of those that came with credentials. One that *is_public* lets anyone
    pull who fetches a token first.
    """

    host: str
    auth: str = ""
    is_public: bool = False
    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str, int]] = field(default_factory=list)
    tokens: dict[str, set[str]] = field(default_factory=dict)
    issued: int = 0
    scheme: str = "http"
    authorized: list[str] = field(default_factory=list)

    def fault(self, method: str, path: str) -> Fault | None:
        """Return the fault of a request, once for each time that it has."""
        for each in self.faults:
            if each.times and each.method == method and re.search(each.path, path):
                each.times -= 1
                each.then()
                return each
        return None

    def requests(self, method: str, path: str = "") -> list[int]:
        """Return the statuses of the requests of *method* whose path matches *path*."""
        return [s for m, p, s in self.seen if m == method and re.search(path, p)]

    def allows(self, header: str, method: str, path: str) -> bool:
        """Tell whether *header* allows the request."""
        if self.auth == "basic":
            return header == BASIC
        granted = self.tokens.get(header.removeprefix("Bearer "), set())
        return not self.auth or set(wanted(method, path)) <= granted


def trusted(directory: Path) -> Path:
    """Write a certificate of 127.0.0.1 and its key into a file, and return that."""
    file, key = directory / "certificate.pem", directory / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    options = ["-noenc", "-subj", "/CN=tests", "-addext", "subjectAltName=IP:127.0.0.1"]
    places = ["-out", str(file), "-keyout", str(key)]
    subprocess.run([*command, *options, *places], check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + key.read_bytes())
    return file


def wanted(method: str, path: str) -> list[str]:
    """Return what a token must have for a request."""
    parts = urlsplit(path)
    found = re.match(r"/v2/(.+?)/(?:blobs|manifests)/", parts.path)
    if not found:
        return []
    scopes = [f"{found[1]}:pull"]
    if method not in ("GET", "HEAD"):
        scopes.append(f"{found[1]}:push")
    return scopes + [f"{each}:pull" for each in parse_qs(parts.query).get("from", [])]


@contextmanager
def proxy(
    auth: str = "", address: str = "127.0.0.1", certificate: Path | None = None
) -> Iterator[Proxy]:
    """Serve a proxy; *auth* is basic or bearer where it wants credentials.

    It speaks TLS with a *certificate*, of which the registry behind it knows nothing.
    """
    upstream = registry()
    state = Proxy("", auth)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.state, self.upstream = state, upstream
            try:
                super().handle_one_request()
            except OSError:
                self.close_connection = True

        def do_GET(self) -> None:
            if self.path.startswith("/token"):
                self._token()
                return
            if self.headers.get("Authorization"):
                state.authorized.append(self.path)
            allowed = state.allows(self.headers.get("Authorization", ""), self.command, self.path)
            fault = state.fault(self.command, self.path) if allowed else None
            if fault and fault.drop >= 0:
                self.rfile.read(fault.drop)
                self._note(0)
                self._hang_up()
            elif fault and fault.status:
                self._say(fault.status, fault.headers, fault.body)
            elif not allowed:
                self._say(401, {"WWW-Authenticate": self._challenge()})
            else:
                self._forward(fault)

        do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

        def _forward(self, fault: Fault | None) -> None:
            connection = HTTPConnection(upstream, timeout=60)
            length = int(self.headers.get("Content-Length") or 0)
            body = iter(lambda: self._take(), b"") if length else None
            self._left = length
            left_out = {"authorization", *(["range"] if fault and fault.whole else [])}
            headers = {k: v for k, v in self.headers.items() if k.lower() not in left_out}
            connection.request(self.command, self.path, body, headers)
            with connection.getresponse() as answer:
                self._relay(answer, fault)
            connection.close()

        def _take(self) -> bytes:
            chunk = self.rfile.read(min(self._left, 1 << 16))
            self._left -= len(chunk)
            return chunk

        def _relay(self, answer: HTTPResponse, fault: Fault | None) -> None:
            body = answer.read()
            self._note(answer.status)
            self.send_response(answer.status)
            for key, value in answer.getheaders():
                if key.lower() not in DROPPED:
                    self.send_header(key, value)
            size = answer.getheader("Content-Length") if self.command == "HEAD" else len(body)
            self.send_header("Content-Length", str(size or 0))
            self.end_headers()
            if fault and fault.spoilt:
                body = bytes(255 - byte for byte in body)
            self.wfile.write(body[: fault.cut] if fault and fault.cut >= 0 else body)
            if fault and fault.cut >= 0:
                self._hang_up()

        def _token(self) -> None:
            form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            query = parse_qs(form or urlsplit(self.path).query)
            self.path = "/token"
            if fault := state.fault("GET", "/token"):
                self._say(fault.status, fault.headers, fault.body)
                return
            by_identity = query.get("refresh_token") == [IDENTITY] and self.command == "POST"
            known = by_identity or self.headers.get("Authorization") == BASIC
            if not known and not state.is_public:
                self._say(401, {})
                return
            token, state.issued = uuid.uuid4().hex, state.issued + 1
            state.tokens[token] = {
                f"{name}:{action}"
                for scope in (query["scope"][0].split() if form else query.get("scope", []))
                for name, actions in [scope.removeprefix("repository:").rsplit(":", 1)]
                for action in actions.split(",")
                if known or action == "pull"
            }
            self._say(200, {}, json.dumps({"token": token}).encode())

        def _challenge(self) -> str:
            if state.auth == "basic":
                return 'Basic realm="the tests"'
            scope: dict[str, list[str]] = {}
            for each in wanted(self.command, self.path):
                name, action = each.rsplit(":", 1)
                scope.setdefault(name, []).append(action)
            scopes = " ".join(f"repository:{name}:{','.join(a)}" for name, a in scope.items())
            return f'Bearer realm="{state.scheme}://{state.host}/token",service="tests",scope="{scopes}"'

        def _say(self, status: int, headers: dict[str, str], body: bytes = b"{}") -> None:
            self._note(status)
            self.close_connection = True
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body)

        def _note(self, status: int) -> None:
            state.seen.append((self.command, self.path, status))

        def _hang_up(self) -> None:
            self.close_connection = True
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((address, 0), Handler)
    server.daemon_threads = True
    if certificate:
        state.scheme = "https"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    state.host = f"{address}:{server.server_address[1]}"
    with serving(server):
        yield state
