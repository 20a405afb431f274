"""Authenticates at a registry with the credentials that Docker has for it.

The protocol: https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import base64
import json
import os
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from requests import Response

from buildstatic.errors import RegistryDenied, RegistryInsecure, RegistryUnavailable

VARIABLE = "DOCKER_AUTH_CONFIG"


@dataclass(frozen=True)
class Credentials:
    """A *user* and a *password*, or an *identity_token*; all are empty for anonymous access."""

    user: str = ""
    password: str = ""
    identity_token: str = ""

    @property
    def basic(self) -> str:
        """The value of an Authorization header, empty if there is no user."""
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return f"Basic {pair}" if self.user else ""


def load_credentials(registry: str, environ: Mapping[str, str]) -> Credentials:
    """Return Docker's credentials for *registry*; raises RegistryDenied if they are unreadable.

    They are read from DOCKER_AUTH_CONFIG (the content of a config.json), else from config.json in
    DOCKER_CONFIG or ~/.docker, and from the credential helpers that it names.
    """
    from docker import auth
    from docker.errors import DockerException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # A missing helper warns, then raises.
            content = json.loads(environ[VARIABLE]) if environ.get(VARIABLE) else None
            config = auth.load_config(config_dict=content)
            resolved = config.resolve_authconfig(registry) or {}
    except (DockerException, ValueError, AttributeError, TypeError) as error:
        problem = f"Cannot read the credentials for {registry}: {error}."
        raise RegistryDenied(problem, f"Check {VARIABLE} and Docker's config.json.") from error
    # A credential helper returns capitalized keys.
    found = {key.lower(): value or "" for key, value in resolved.items()}
    return Credentials(
        found.get("username", ""), found.get("password", ""), found.get("identitytoken", "")
    )


class Authenticator:
    """Provides the Authorization *header* for *registry*: empty until the registry requires one.

    *send* sends a request without credentials: method, URL and the arguments of requests. *secure*
    is whether the registry uses TLS.
    """

    def __init__(self, registry: str, send: Callable[..., Response], *, secure: bool) -> None:
        self.header = ""
        self._registry = registry
        self._send = send
        self._secure = secure
        self._scopes: list[str] = []

    @cached_property
    def _credentials(self) -> Credentials:
        return load_credentials(self._registry, os.environ)

    def authenticate(self, response: Response, sent: str, action: str) -> RegistryDenied:
        """Get a new header for a request that *response* (401 or 403) rejected with *sent*.

        Return the error in case that *action* is rejected again; raises it if there is no new
        header.
        """
        challenge = response.headers.get("WWW-Authenticate", "")
        if self._credentials == Credentials():
            problem = f"{self._registry} requires credentials for {action}, and none are configured"
        else:
            user = self._credentials.user or "an identity token"
            problem = f"{self._registry} rejects the credentials of {user} for {action}"
        denied = RegistryDenied(
            f"{problem}.",
            f"Run `docker login {self._registry}`; in CI, set {VARIABLE} to a config.json.",
        )
        header = ""
        if bearer := re.search(r"\bbearer\b(.*)", challenge, re.I | re.S):
            parameters = dict(reversed(re.findall(r'(\w+)="([^"]*)"', bearer[1])))
            scopes = parameters.get("scope", "").split()
            if response.status_code == 403 and set(scopes) <= set(self._scopes):
                raise denied
            # A mount requires scopes of two repositories; the token has to keep the earlier ones.
            self._scopes += [scope for scope in scopes if scope not in self._scopes]
            header = self._fetch_token(parameters.get("realm", ""), parameters.get("service", ""))
        elif response.status_code == 401 and re.search(r"\bbasic\b", challenge, re.I):
            header = self._credentials.basic
        if not header or header == sent:
            raise denied
        self.header = header
        return denied

    def _fetch_token(self, realm: str, service: str) -> str:
        """Return a Bearer header, empty if the token server denies access."""
        if not realm.startswith(("http://", "https://")):
            realm = f"{'https' if self._secure else 'http'}://{realm}"
        if self._secure and realm.startswith("http://"):
            problem = f"{self._registry} asks for credentials at {realm}, which is without TLS."
            raise RegistryInsecure(problem)
        fields: dict[str, Any] = {"service": service, "scope": self._scopes}
        if self._credentials.identity_token:
            fields |= {"scope": " ".join(self._scopes), "client_id": "buildstatic"}
            fields |= {
                "grant_type": "refresh_token",
                "refresh_token": self._credentials.identity_token,
            }
            # A redirect could repeat the identity token at another host.
            response = self._send("POST", realm, data=fields, allow_redirects=False)
        else:
            basic = self._credentials.basic
            headers = {"Authorization": basic} if basic else {}
            response = self._send("GET", realm, params=fields, headers=headers)
        if response.status_code != 200:
            return ""
        try:
            body = response.json()
            token = body.get("token") or body.get("access_token")
        except (ValueError, AttributeError) as error:
            problem = f"{self._registry} refers to {realm} for a token, which returned none."
            raise RegistryUnavailable(problem, "Check for a proxy or a login page.") from error
        return f"Bearer {token}" if token else ""
