"""HTTP requests to one registry: TLS, authentication, retries and errors."""

from __future__ import annotations

import re
import ssl
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, InsecureRequestWarning, InvalidHeader
from urllib3.util import Retry

from buildstatic import __version__
from buildstatic.errors import BuildstaticError, RegistryInsecure, RegistryUnavailable
from buildstatic.oci.reference import DOCKER_HUB, RegistryReference, is_loopback
from buildstatic.oci.stores.registry_auth import Authenticator
from buildstatic.oci.stream import CHUNK, MAX_DOCUMENT_SIZE

TIMEOUT = (10, 120)  # seconds: to connect, and between bytes
DOCKER_HUB_HOST = "registry-1.docker.io"
TRANSIENT = (408, 429, 500, 502, 503, 504)
ATTEMPTS = 5
BACKOFF = 0.5  # seconds before the second attempt, doubled for each further one
MAX_DELAY = 60.0  # seconds, the longest Retry-After that is waited for
ALLOW_INSECURE = "Use TLS with a trusted certificate, or --insecure."

T = TypeVar("T")


class Transient(Exception):
    """A failure that may not occur again after *delay* seconds (None: the default backoff).

    *failure* is raised after the last attempt.
    """

    def __init__(self, failure: BuildstaticError, delay: float | None = None) -> None:
        super().__init__(failure, delay)
        self.failure = failure
        self.delay = delay


def with_retries(action: Callable[[], T]) -> T:
    """Return what *action* returns, repeating it if it raises Transient."""
    attempt = 1
    while True:
        try:
            return action()
        except Transient as error:
            backoff = BACKOFF * 2 ** (attempt - 1)
            delay = backoff if error.delay is None else error.delay
            if attempt == ATTEMPTS or delay > MAX_DELAY:
                raise error.failure from error.__cause__
            time.sleep(delay)
            attempt += 1


@contextmanager
def connect(reference: RegistryReference, *, insecure: bool) -> Iterator[RegistryClient]:
    """Yield a client of the registry of *reference*.

    It uses TLS; plain HTTP only if the registry is on this machine or *insecure* is set. Raises
    RegistryInsecure or RegistryUnavailable.
    """
    host = DOCKER_HUB_HOST if reference.registry == DOCKER_HUB else reference.registry
    if insecure:
        urllib3.disable_warnings(InsecureRequestWarning)
    secure = _uses_tls(host)
    if not secure and not (insecure or reference.is_loopback):
        raise RegistryInsecure(f"The registry {host} uses HTTP without TLS.", ALLOW_INSECURE)
    client = RegistryClient(reference.registry, host, secure=secure, insecure=insecure)
    with client.session:
        yield client


class RegistryClient:
    """Sends requests to the registry *name*, which is served at *host*."""

    def __init__(self, name: str, host: str, *, secure: bool, insecure: bool) -> None:
        self.name = name
        self.base_url = f"{'https' if secure else 'http'}://{host}/v2"
        self.session = _RegistrySession(name, host if secure else "", insecure=insecure)
        self._host = host
        self._verify = not insecure
        self._authenticator = Authenticator(name, self._send, secure=secure)

    def request(self, method: str, url: str, **options: Any) -> Response:
        """Return a response whose status is not a transient one; raises what `send` raises."""
        return with_retries(lambda: self.send(method, url, **options))

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] = {}, **options: Any
    ) -> Response:
        """Send a request once; *options* are those of requests.

        Raises Transient if no response arrives, for a transient status and if a token expired,
        RegistryDenied for missing or rejected credentials, and RegistryInsecure if the request or
        a redirect would use HTTP where that is not allowed.
        """
        url = self.session.upgrade(url)
        is_registry = urlsplit(url).netloc == self._host
        authorization = self._authenticator.header if is_registry else ""
        if authorization:
            headers = {**headers, "Authorization": authorization}
        response = self._send(method, url, headers=headers, **options)
        if response.status_code in (401, 403) and is_registry:
            with response:
                action = f"{method} {urlsplit(url).path}"
                denied = self._authenticator.authenticate(response, authorization, action)
                raise Transient(denied, 0)
        return response

    def _send(self, method: str, url: str, **options: Any) -> Response:
        is_streamed = options.pop("stream", False)
        try:
            response = self.session.request(
                method, url, timeout=TIMEOUT, verify=self._verify, stream=True, **options
            )
            if not is_streamed or response.status_code in TRANSIENT:
                _read_limited(response)
        except (RequestException, HTTPError, OSError) as error:
            _raise_if_untrusted(self._host, error)
            raise Transient(self.unreachable(error)) from error
        if response.status_code in TRANSIENT:
            delay = None
            with suppress(InvalidHeader):
                if header := response.headers.get("Retry-After"):
                    delay = Retry().parse_retry_after(header)
            failure = self.unexpected(response)
            if response.status_code == 429:
                wait = f"to wait {delay:.0f} seconds" if delay else "to wait"
                problem = f"The registry {self.name} asks {wait} (429 Too Many Requests)."
                failure = RegistryUnavailable(problem, "Try again later.")
            raise Transient(failure, delay)
        return response

    def unexpected(self, response: Response) -> RegistryUnavailable:
        """Close *response* and return the error for its status, with the registry's message."""
        with response:
            with suppress(RequestException, HTTPError, OSError):
                _read_limited(response)
            messages = "; ".join(message for _, message in error_details(response))
        request = f"{response.request.method} {urlsplit(response.url).path}"
        status = f"{response.status_code} {response.reason}"
        problem = f"The registry {self.name} responded with {status} to {request}"
        return RegistryUnavailable(f"{problem}: {messages}." if messages else f"{problem}.")

    def unreachable(self, error: Exception) -> RegistryUnavailable:
        """Return the error for a connection that failed or broke."""
        return _unreachable(self.name, error)


class _RegistrySession(Session):
    """A session that uses plain HTTP only where it is allowed.

    http: URLs on *tls_host* become https: ones, since a registry behind a proxy that terminates
    TLS may not know that. Other http: URLs raise RegistryInsecure, unless they are on this machine
    or *insecure* is set.
    """

    def __init__(self, registry: str, tls_host: str, *, insecure: bool) -> None:
        super().__init__()
        self.headers["User-Agent"] = f"buildstatic/{__version__}"
        self.headers["Accept-Encoding"] = "identity"
        # Without an auth, requests replaces the token by the password in ~/.netrc.
        self.auth = lambda request: request
        # Harbor takes a client that sends cookies for a browser and requires a CSRF token.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._tls_host = tls_host
        if not insecure:
            self.mount("http://", _LoopbackAdapter(registry))

    def upgrade(self, url: str) -> str:
        """Return *url* with https: if it is on the host that uses TLS."""
        parts = urlsplit(url)
        is_plain = parts.scheme == "http" and parts.netloc == self._tls_host
        return f"https{url.removeprefix('http')}" if is_plain else url

    def rebuild_auth(self, prepared_request: PreparedRequest, response: Response) -> None:
        """Remove the token on a redirect to another host; requests would read ~/.netrc, too."""
        url, headers = prepared_request.url or "", prepared_request.headers
        if self.should_strip_auth(response.request.url or "", url):  # type: ignore[no-untyped-call]
            headers.pop("Authorization", None)

    def get_redirect_target(self, resp: Response) -> str | None:
        """Return the URL that *resp* redirects to, None if it does not."""
        target = super().get_redirect_target(resp)
        return self.upgrade(urljoin(resp.url, target)) if target else target


class _LoopbackAdapter(HTTPAdapter):
    """Sends plain HTTP to this machine only."""

    def __init__(self, registry: str) -> None:
        super().__init__()
        self._registry = registry

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        parts = urlsplit(request.url or "")
        if not is_loopback(parts.hostname or ""):
            problem = f"The registry {self._registry} redirects to http://{parts.netloc}"
            raise RegistryInsecure(f"{problem}, without TLS.", ALLOW_INSECURE)
        return super().send(request, *args, **options)


def _read_limited(response: Response) -> None:
    """Read the content of *response*, which is a document or a message.

    Raises OSError if it is larger than a document, or encoded: identity was requested.
    """
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        response.close()
        raise OSError(f"the response is encoded with {encoding[:50]}")
    if isinstance(response._content, bytes):
        return
    content = b""
    while chunk := response.raw.read(CHUNK):
        content += chunk
        if len(content) > MAX_DOCUMENT_SIZE:
            response.close()
            raise OSError(f"the response is larger than {MAX_DOCUMENT_SIZE} bytes")
    response._content = content


def error_details(response: Response) -> list[tuple[str, str]]:
    """Return the code and message of each error in *response*.

    See https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
    """
    with suppress(ValueError, AttributeError, TypeError, KeyError, RequestException):
        errors = response.json()["errors"]
        return [(str(error.get("code")), str(error.get("message"))) for error in errors]
    return []


def _uses_tls(host: str) -> bool:
    """Return whether the registry speaks TLS; its certificate is verified by the first request."""
    try:
        _probe(f"https://{host}/v2/")
    except (RequestException, HTTPError) as error:
        if isinstance(error, requests.ConnectionError):
            with suppress(RequestException):
                _probe(f"http://{host}/v2/")
                return False
        raise _unreachable(host, error) from error
    return True


def _probe(url: str) -> None:
    """Send a request without credentials that follows no redirect and trusts any certificate."""
    with _RegistrySession("", "", insecure=True) as session, warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureRequestWarning)
        session.mount("https://", _UnverifiedAdapter())
        session.get(url, timeout=TIMEOUT, verify=False, allow_redirects=False, stream=True).close()


class _UnverifiedAdapter(HTTPAdapter):
    """Sends requests without loading the trusted certificates, which takes longer than a request.

    https://docs.python-requests.org/en/latest/user/advanced/#transport-adapters
    """

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        super().init_poolmanager(*args, ssl_context=context, **options)


def _raise_if_untrusted(host: str, error: Exception) -> None:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        problem = f"The certificate of the registry {host} is not trusted: {_reason(error)}."
        raise RegistryInsecure(problem, ALLOW_INSECURE) from error


def _unreachable(name: str, error: Exception) -> RegistryUnavailable:
    problem = f"Cannot reach the registry {name}: {_reason(error)}."
    return RegistryUnavailable(problem, "Check its name and your network.")


def _reason(error: Exception) -> str:
    """Return the message of *error* without the objects of requests and urllib3."""
    inner = error.args[0] if error.args else error
    reason = " ".join(str(getattr(inner, "reason", inner)).split())
    return re.sub(r"^<?HTTPS?Connection(Pool)?\(.*?\)>?: ", "", reason)
