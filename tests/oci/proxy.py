"""A proxy in front of the local registry that injects faults and requires credentials."""

from __future__ import annotations

import base64
import json
import re
import ssl
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.oci.tiny import registry, serving

USER, PASSWORD = "alice", "s3cret"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
IDENTITY_TOKEN = "the-identity"
HOP_HEADERS = {"connection", "transfer-encoding", "content-length", "date", "server", "host"}


@dataclass
class Fault:
    """What happens to the first *times* requests of *method* whose path matches *path*.

    Either the response is *status*, *headers* and *body*; or the request is forwarded and the
    response *cut* after that many bytes or made *corrupt*, or the Range header is ignored
    (*ignore_range*); or the connection is *dropped* after that many bytes of the request.
    """

    method: str
    path: str
    times: int = 1
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    cut: int | None = None
    corrupt: bool = False
    ignore_range: bool = False
    dropped: int | None = None
    callback: Callable[[], object] = lambda: None


@dataclass
class Proxy:
    """A registry at *host*; *seen* has the method, path and status of each request.

    *auth* is basic, bearer or empty. With *is_public* everybody can pull who fetches a token.
    *authorized* has the paths of the requests with credentials.
    """

    host: str
    auth: str = ""
    scheme: str = "http"
    is_public: bool = False
    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str, int]] = field(default_factory=list)
    authorized: list[str] = field(default_factory=list)
    tokens: dict[str, set[str]] = field(default_factory=dict)
    issued: int = 0

    def next_fault(self, method: str, path: str) -> Fault | None:
        """Return and count the fault for a request."""
        for fault in self.faults:
            if fault.times and fault.method == method and re.search(fault.path, path):
                fault.times -= 1
                fault.callback()
                return fault
        return None

    def statuses(self, method: str, path: str = "") -> list[int]:
        """Return the statuses of the requests of *method* whose path matches *path*."""
        return [s for m, p, s in self.seen if m == method and re.search(path, p)]

    def allows(self, authorization: str, method: str, path: str) -> bool:
        """Return whether the Authorization header allows the request."""
        if self.auth == "basic":
            return authorization == BASIC
        granted = self.tokens.get(authorization.removeprefix("Bearer "), set())
        return not self.auth or required_scopes(method, path) <= granted


def required_scopes(method: str, path: str) -> set[str]:
    """Return the scopes that a request requires, each ``repository:NAME:ACTION``."""
    parts = urlsplit(path)
    match = re.match(r"/v2/(.+?)/(?:blobs|manifests)/", parts.path)
    if not match:
        return set()
    repositories = [match[1], *parse_qs(parts.query).get("from", [])]
    scopes = {f"repository:{repository}:pull" for repository in repositories}
    return scopes if method in ("GET", "HEAD") else {*scopes, f"repository:{match[1]}:push"}


def write_certificate(directory: Path) -> Path:
    """Write a certificate for 127.0.0.1 and its key into one file and return that."""
    file, key = directory / "certificate.pem", directory / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=tests"
    options = ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(file), "-keyout", str(key)]
    subprocess.run([*command.split(), *options], check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + key.read_bytes())
    return file


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    state: Proxy
    upstream: str

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def do_GET(self) -> None:
        if self.path.startswith("/token"):
            self._issue_token()
            return
        authorization = self.headers.get("Authorization", "")
        if authorization:
            self.state.authorized.append(self.path)
        if not self.state.allows(authorization, self.command, self.path):
            self._respond(401, {"WWW-Authenticate": self._challenge()})
            return
        fault = self.state.next_fault(self.command, self.path)
        if fault and fault.dropped is not None:
            self.rfile.read(fault.dropped)
            self._record(0)
            self.close_connection = True
        elif fault and fault.status:
            self._respond(fault.status, fault.headers, fault.body)
        else:
            self._forward(fault)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def _forward(self, fault: Fault | None) -> None:
        removed = {"authorization", "range"} if fault and fault.ignore_range else {"authorization"}
        headers = {k: v for k, v in self.headers.items() if k.lower() not in removed}
        left = int(self.headers.get("Content-Length") or 0)

        def body() -> Iterator[bytes]:
            nonlocal left
            while left and (chunk := self.rfile.read(min(left, 1 << 16))):
                left -= len(chunk)
                yield chunk

        connection = HTTPConnection(self.upstream, timeout=60)
        connection.request(self.command, self.path, body() if left else None, headers)
        with connection.getresponse() as response:
            self._relay(response, fault)
        connection.close()

    def _relay(self, response: HTTPResponse, fault: Fault | None) -> None:
        body = response.read()
        self._record(response.status)
        self.send_response(response.status)
        for key, value in response.getheaders():
            if key.lower() not in HOP_HEADERS:
                self.send_header(key, value)
        size = response.getheader("Content-Length") if self.command == "HEAD" else len(body)
        self.send_header("Content-Length", str(size or 0))
        self.end_headers()
        if fault and fault.corrupt:
            body = bytes(255 - byte for byte in body)
        if fault and fault.cut is not None:
            body = body[: fault.cut]
            self.close_connection = True
        self.wfile.write(body)
        self.wfile.flush()

    def _issue_token(self) -> None:
        form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        query = parse_qs(form or urlsplit(self.path).query)
        self.path = "/token"
        if fault := self.state.next_fault("GET", "/token"):
            self._respond(fault.status, fault.headers, fault.body)
            return
        refreshed = query.get("refresh_token") == [IDENTITY_TOKEN] and self.command == "POST"
        known = refreshed or self.headers.get("Authorization") == BASIC
        if not known and not self.state.is_public:
            self._respond(401, {})
            return
        token = uuid.uuid4().hex
        self.state.issued += 1
        scopes = (query["scope"][0].split() if form else query.get("scope", [])) or []
        self.state.tokens[token] = {
            f"{scope.rpartition(':')[0]}:{action}"
            for scope in scopes
            for action in scope.rpartition(":")[2].split(",")
            if known or action == "pull"
        }
        self._respond(200, {}, json.dumps({"token": token}).encode())

    def _challenge(self) -> str:
        if self.state.auth == "basic":
            return 'Basic realm="the tests"'
        actions: dict[str, list[str]] = {}
        for scope in sorted(required_scopes(self.command, self.path)):
            name, _, action = scope.rpartition(":")
            actions.setdefault(name, []).append(action)
        scopes = " ".join(f"{name}:{','.join(listed)}" for name, listed in actions.items())
        realm = f"{self.state.scheme}://{self.state.host}/token"
        return f'Bearer realm="{realm}",service="tests",scope="{scopes}"'

    def _respond(self, status: int, headers: Mapping[str, str], body: bytes = b"{}") -> None:
        self._record(status)
        self.close_connection = True
        self.send_response(status)
        fields = {**headers, "Content-Length": str(len(body)), "Connection": "close"}
        for key, value in fields.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def _record(self, status: int) -> None:
        self.state.seen.append((self.command, self.path, status))

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def proxy(
    auth: str = "", address: str = "127.0.0.1", certificate: Path | None = None
) -> Iterator[Proxy]:
    """Serve a proxy that requires the credentials *auth* (basic or bearer), unless that is empty.

    With a *certificate* it uses TLS, which the registry behind it does not know.
    """
    state = Proxy("", auth, "https" if certificate else "http")
    handler = type("Handler", (_Handler,), {"state": state, "upstream": registry()})
    server = ThreadingHTTPServer((address, 0), handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    state.host = f"{address}:{server.server_address[1]}"
    with serving(server):
        yield state
