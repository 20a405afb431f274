"""A session of requests, which sends nothing without TLS but to where that was allowed."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin, urlsplit

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

from buildstatic import __version__
from buildstatic.errors import RegistryInsecure
from buildstatic.oci.reference import is_loopback

ALLOW = "Give it a certificate, or allow it with --insecure."


class RegistrySession(Session):
    """What speaks to a registry, and to where that sends one on to.

    An http: URL on *tls_host* is meant with https:, as a registry names it that does not know of
    the TLS before it. Any other is refused with RegistryInsecure, unless it is on this machine or
    *insecure* allows it.
    """

    def __init__(self, name: str, *, tls_host: str = "", insecure: bool = False) -> None:
        super().__init__()
        self.headers["User-Agent"] = f"buildstatic/{__version__}"
        self.headers["Accept-Encoding"] = "identity"
        # With none of its own, a session would put what ~/.netrc has in place of a token.
        self.auth = lambda request: request
        # Harbor takes one with a cookie for a browser.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._tls_host = tls_host
        if not insecure:
            self.mount("http://", _OnThisMachine(name))

    def lifted(self, url: str) -> str:
        """Return *url*, by TLS where the registry speaks it."""
        parts = urlsplit(url)
        is_plain = parts.scheme == "http" and parts.netloc == self._tls_host
        return f"https{url[len('http') :]}" if is_plain else url

    def get_redirect_target(self, resp: Response) -> str | None:
        """Return where *resp* sends one on to, None for nowhere."""
        target = super().get_redirect_target(resp)
        return self.lifted(urljoin(resp.url, target)) if target else target


class _OnThisMachine(HTTPAdapter):
    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def send(self, request: PreparedRequest, *args: Any, **more: Any) -> Response:
        parts = urlsplit(request.url or "")
        if not is_loopback(parts.hostname or ""):
            problem = f"The registry {self._name} sends one on to http://{parts.netloc}"
            raise RegistryInsecure(f"{problem}, without TLS.", ALLOW)
        return super().send(request, *args, **more)
