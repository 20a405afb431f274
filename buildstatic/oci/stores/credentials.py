"""Answers a registry that asks who one is, with the credentials that Docker has for it.

They are read by the docker SDK and not by oras, which knows neither DOCKER_CONFIG, nor identity
tokens, nor the old name that Docker Hub has in the file.
"""

from __future__ import annotations

import base64
import json
import os
import re
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from oras.auth.utils import parse_auth_header

from buildstatic.errors import RegistryDenied, RegistryInsecure, RegistryUnavailable

VARIABLE = "DOCKER_AUTH_CONFIG"
# Sends a request without credentials of its own: method, URL and the arguments of requests.
Send = Callable[..., Any]


@dataclass(frozen=True)
class Credentials:
    """A *user* and a *password*, or an *identity* token; all empty for none."""

    user: str = ""
    password: str = ""
    identity: str = ""

    @property
    def basic(self) -> str:
        """The value of an Authorization header, empty where there is no user."""
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return f"Basic {pair}" if self.user else ""


def credentials_for(registry: str, environ: Mapping[str, str]) -> Credentials:
    """Return what Docker has for *registry*; raises RegistryDenied where that is unreadable.

    That is DOCKER_AUTH_CONFIG (the text of a config.json), else config.json in DOCKER_CONFIG or
    ~/.docker, with the credential helpers that it names.
    """
    from docker import auth
    from docker.errors import DockerException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a helper that is missing; an exception follows
            config = json.loads(environ[VARIABLE]) if environ.get(VARIABLE) else None
            loaded = auth.load_config(config_dict=config)
            found = loaded.resolve_authconfig(registry) or {}
    except (DockerException, ValueError, AttributeError, TypeError) as error:
        problem = f"The credentials for {registry} cannot be read: {error}."
        advice = f"Look at {VARIABLE} and Docker's config.json."
        raise RegistryDenied(problem, advice) from error
    return _credentials({key.lower(): value for key, value in found.items()})


def _credentials(found: Mapping[str, str]) -> Credentials:
    user, password = found.get("username") or "", found.get("password") or ""
    return Credentials(user, password, found.get("identitytoken") or "")


class Authorization:
    """What is said to one *registry* of who one is: nothing, until it asks.

    *send* sends a request; *is_secure* tells whether the registry is spoken to by TLS.
    """

    def __init__(self, registry: str, send: Send, *, is_secure: bool) -> None:
        self.header = ""
        self._registry = registry
        self._send = send
        self._is_secure = is_secure
        self._known: Credentials | None = None
        self._scopes: list[str] = []

    def answer(self, challenge: str, refused: str) -> bool:
        """Take the *challenge* of a WWW-Authenticate header; *refused* is what was said before.

        Return whether there is something new to say.
        """
        if re.search(r"\bbearer\b", challenge, re.I):
            self.header = self._bearer(challenge)
        elif re.search(r"\bbasic\b", challenge, re.I):
            self.header = self._credentials().basic
        else:
            self.header = ""
        return bool(self.header) and self.header != refused

    def asks_for_more(self, challenge: str) -> bool:
        """Tell whether *challenge* is for a scope that was not asked for yet."""
        return not set(_scopes(challenge)) <= set(self._scopes)

    def failure(self, what: str) -> RegistryDenied:
        """Return what is raised where the registry does not allow *what*."""
        known = self._credentials()
        who = f"the credentials of {known.user or 'an identity token'}"
        if known == Credentials():
            problem = f"{self._registry} wants credentials for {what}, and there are none."
        else:
            problem = f"{self._registry} does not take {who} for {what}."
        advice = f"Log in: docker login {self._registry}; in CI, {VARIABLE} takes a config.json."
        return RegistryDenied(problem, advice)

    def _bearer(self, challenge: str) -> str:
        """Return a token's header (distribution.github.io/distribution/spec/auth/token).

        Raises RegistryUnavailable where the answer is none.
        """
        asked = parse_auth_header(challenge)
        self._scopes += [each for each in _scopes(challenge) if each not in self._scopes]
        realm = self._realm(asked.realm or "")
        fields = {"service": asked.service or "", "scope": self._scopes}
        answer = self._ask(realm, fields)
        if answer.status_code != 200:
            return ""
        said = self._said(answer, realm)
        token = said.get("token") or said.get("access_token")
        return f"Bearer {token}" if token else ""

    def _said(self, answer: Any, realm: str) -> dict[str, Any]:
        with suppress(ValueError):
            said = answer.json()
            if isinstance(said, dict):
                return said
        problem = f"{self._registry} sends one to {realm} for a token, which answers something else"
        raise RegistryUnavailable(f"{problem}.", "Does a proxy or a login page stand before it?")

    def _ask(self, realm: str, fields: dict[str, Any]) -> Any:
        known = self._credentials()
        if known.identity:
            form = {**fields, "scope": " ".join(self._scopes), "client_id": "buildstatic"}
            form |= {"grant_type": "refresh_token", "refresh_token": known.identity}
            return self._send("POST", realm, data=form)
        headers = {"Authorization": known.basic} if known.basic else {}
        return self._send("GET", realm, params=fields, headers=headers)

    def _realm(self, realm: str) -> str:
        if not realm.startswith(("http://", "https://")):
            realm = f"{'https' if self._is_secure else 'http'}://{realm}"
        if self._is_secure and realm.startswith("http://"):
            problem = f"{self._registry} asks to send credentials to {realm}, without TLS."
            raise RegistryInsecure(problem)
        return realm

    def _credentials(self) -> Credentials:
        if self._known is None:
            self._known = credentials_for(self._registry, os.environ)
        return self._known


def _scopes(challenge: str) -> list[str]:
    """Return what *challenge* asks for: a mount concerns two repositories."""
    return (parse_auth_header(challenge).scope or "").split()
