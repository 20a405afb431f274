"""Requests to a registry: oras' client, with all that it sends going through one place.

Its own way of sending reads a blob into memory, repeats a token that has expired, knows no Basic
challenge, waits two minutes for a registry that is not there and does not hear Retry-After.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

from oras.provider import Registry
from requests import Request, Response
from requests.exceptions import ConnectionError as Unconnected
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from buildstatic.errors import (
    RegistryInsecure,
    RegistryUnavailable,
)
from buildstatic.oci.reference import DOCKER_HUB, RegistryReference
from buildstatic.oci.stores.credentials import Authorization
from buildstatic.oci.stores.retry import Again, patiently, retry_after
from buildstatic.oci.stores.session import ALLOW, RegistrySession

TIMEOUT = (10, 120)  # seconds: to connect, and without a byte
HUB_HOST = "registry-1.docker.io"
PASSING = (408, 500, 502, 503, 504)
TOO_MANY = 429
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"


@contextmanager
def connect(reference: RegistryReference, *, insecure: bool) -> Iterator[Transport]:
    """Yield what speaks to the registry of *reference*.

    That is by TLS; without it where the registry is on this machine or *insecure*. Raises
    RegistryInsecure or RegistryUnavailable.
    """
    host = HUB_HOST if reference.registry == DOCKER_HUB else reference.registry
    speaks_tls = _speaks_tls(host, verify=not insecure)
    if not speaks_tls and not (insecure or reference.is_loopback):
        raise RegistryInsecure(f"The registry {host} speaks HTTP, without TLS.", ALLOW)
    transport = Transport(reference.registry, host, secure=speaks_tls, verify=not insecure)
    try:
        yield transport
    finally:
        transport.session.close()


class Transport(Registry):  # type: ignore[misc]
    """A session with the registry *name*, which answers at *host*."""

    session: RegistrySession

    def __init__(self, name: str, host: str, *, secure: bool, verify: bool) -> None:
        super().__init__(hostname=host, insecure=not secure, tls_verify=verify)
        tls_host = host if secure else ""
        self.session = RegistrySession(name, tls_host=tls_host, insecure=not verify)
        self.name = name
        self.host = host
        self._authorization = Authorization(name, self._send, is_secure=secure)

    def do_request(
        self,
        url: str,
        method: str = "GET",
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        stream: bool = False,
    ) -> Response:
        """Send what oras sends, patiently; its way of sending is not used."""
        assert json is None
        return self.request(method, url, data=data, headers=headers or {}, stream=stream)

    def request(self, method: str, url: str, **more: Any) -> Response:
        """Return the answer, of a status that means something; see `once` for what is raised."""
        return patiently(lambda: self.once(method, url, **more))

    def once(
        self, method: str, url: str, *, headers: Mapping[str, str] = {}, **more: Any
    ) -> Response:
        """Send a request once.

        Raises Again for what may pass: no answer, 429, 5xx, a token that has expired. Raises
        RegistryDenied for credentials that are missing or refused, RegistryInsecure for a *url*
        without TLS that is not allowed.
        """
        url = self.session.lifted(url)
        own = urlsplit(url).netloc == self.host
        said = self._authorization.header if own else ""
        headers = {**headers, **({"Authorization": said} if said else {})}
        answer = self._send(method, url, headers=headers, **more)
        if answer.status_code in (401, 403) and own:
            with answer:
                self._forbidden(answer, said, f"{method} {urlsplit(url).path}")
        return answer

    def _forbidden(self, answer: Response, said: str, what: str) -> None:
        challenge = answer.headers.get("WWW-Authenticate", "")
        failure = self._authorization.failure(what)
        if answer.status_code == 403 and not self._authorization.asks_for_more(challenge):
            raise failure
        if not self._authorization.answer(challenge, said):
            raise failure
        raise Again(failure, 0)

    def _send(self, method: str, url: str, *, stream: bool = False, **more: Any) -> Response:
        try:
            answer: Response = self.session.request(
                method, url, timeout=TIMEOUT, verify=self._tls_verify, stream=stream, **more
            )
        except (RequestException, HTTPError, OSError) as error:
            if _UNTRUSTED in str(error):
                raise _untrusted(self.host, error) from error
            raise Again(unreachable(self.name, error)) from error
        self._check_passing(answer)
        return answer

    def _check_passing(self, answer: Response) -> None:
        seconds = retry_after(answer.headers.get("Retry-After"))
        if answer.status_code == TOO_MANY:
            asked = f"to wait for {seconds:.0f} seconds" if seconds else "to wait"
            with answer:
                busy = RegistryUnavailable(
                    f"The registry {self.name} asks {asked}.", "Try again later."
                )
            raise Again(busy, seconds)
        if answer.status_code in PASSING:
            raise Again(failed(self.name, answer), seconds)


def location(answer: Response) -> str:
    """Return the URL that *answer* redirects to; raises RegistryUnavailable without one."""
    place = answer.headers.get("Location")
    if not place:
        raise RegistryUnavailable(f"{answer.url}: the registry names no place for the upload.")
    return urljoin(answer.url, place)


def failed(name: str, answer: Response) -> RegistryUnavailable:
    """Return what is raised for an *answer* that no one expects, with the registry's own words."""
    with answer:
        said = "; ".join(error["message"] for error in errors(answer))
    request = f"{answer.request.method} {urlsplit(answer.url).path}"
    problem = f"The registry {name} answers {answer.status_code} {answer.reason} to {request}"
    return RegistryUnavailable(f"{problem}: {said}." if said else f"{problem}.")


def errors(answer: Response) -> list[dict[str, str]]:
    """Return the code and the message of each error in *answer* (spec.md, "Error Codes")."""
    with suppress(ValueError, AttributeError, TypeError, KeyError, RequestException):
        listed = answer.json()["errors"]
        return [
            {"code": str(each.get("code")), "message": str(each.get("message"))} for each in listed
        ]
    return []


def unreachable(name: str, error: Exception) -> RegistryUnavailable:
    """Return what is raised where the registry *name* does not answer, or stops."""
    problem = f"The registry {name} does not answer, or stops: {_said(error)}."
    return RegistryUnavailable(problem, "Is its name right, and the network there?")


def _speaks_tls(host: str, *, verify: bool) -> bool:
    try:
        return _answers(f"https://{host}/v2/", verify=verify)
    except Unconnected as error:
        if _UNTRUSTED in str(error):
            raise _untrusted(host, error) from error
        with suppress(RequestException):
            return not _answers(f"http://{host}/v2/")
        raise unreachable(host, error) from error
    except (RequestException, HTTPError) as error:
        raise unreachable(host, error) from error


def _answers(url: str, *, verify: bool = True) -> bool:
    with RegistrySession("", insecure=True) as session:
        request = session.prepare_request(Request("GET", url))
        settings = session.merge_environment_settings(url, {}, False, verify, None)
        settings["verify"] = settings["verify"] if verify else False
        session.send(request, timeout=TIMEOUT, allow_redirects=False, **settings).close()
    return True


def _untrusted(host: str, error: Exception) -> RegistryInsecure:
    return RegistryInsecure(f"The registry {host} is not to be trusted: {_said(error)}.", ALLOW)


def _said(error: Exception) -> str:
    """Return the words of *error* without those of the libraries that it went through."""
    inner = error.args[0] if error.args else error
    reason = str(getattr(inner, "reason", inner))
    return re.sub(r"^<?HTTPS?Connection(Pool)?\(.*?\)>?: ", "", " ".join(reason.split()))
