"""Connects to the Docker engine, translates its errors, and reads the layers of an image."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from buildstatic.errors import EngineFailed, EngineNotFound, EngineUnusable

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.context import Context

# Engine 23.0 is the first whose own BuildKit supports `COPY --link` without a `# syntax=` line.
OLDEST = (23, 0)
OLDEST_API = (1, 42)
TIMEOUT = 600  # seconds; saving a large image starts slowly
_UPGRADE = "Upgrade it, or build with a newer one: --builder NAME."


def connect() -> DockerClient:
    """Return a client of the engine that the ``docker`` command uses.

    That is DOCKER_HOST, else the current docker context, else the default socket. Raises
    EngineNotFound, EngineUnusable or EngineFailed.
    """
    import docker
    from docker.errors import DockerException, InvalidVersion

    try:
        context = _current_context()
        if "DOCKER_HOST" in os.environ or context is None:
            client = docker.from_env(timeout=TIMEOUT)
        else:
            tls = context.TLSConfig or False
            client = docker.DockerClient(base_url=context.Host, tls=tls, timeout=TIMEOUT)
        try:
            version = client.version()
        except BaseException:
            client.close()
            raise
    except InvalidVersion as error:
        raise EngineUnusable(f"The Docker engine is too old: {error}", _UPGRADE) from error
    except (DockerException, OSError) as error:
        raise _connection_error(error) from error
    check_version(version["Version"], version["ApiVersion"])
    return client


@contextmanager
def failures() -> Iterator[None]:
    """Raise EngineFailed for what the SDK raises while the engine is used."""
    from docker.errors import APIError
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except APIError as error:
        raise EngineFailed(f"The Docker engine returned an error: {error.explanation}.") from error
    except (RequestException, HTTPError) as error:
        raise EngineFailed(f"The connection to the Docker engine failed: {error}.") from error


def layers_of(client: DockerClient, image: str) -> tuple[str, ...]:
    """Return the diffIDs of *image*, a tag or an ID; none if the engine has no such image."""
    from docker.errors import ImageNotFound

    with suppress(ImageNotFound):
        return tuple(client.images.get(image).attrs["RootFS"].get("Layers") or ())
    return ()


def uses_containerd(client: DockerClient) -> bool:
    """Return whether the engine uses the containerd image store (docs.docker.com/engine/storage).

    It keeps all platforms of an image, and layers compressed, each with the digest of its blob.
    """
    status = client.info().get("DriverStatus") or ()
    return any(str(value).startswith("io.containerd.snapshotter") for _, value in status)


def check_version(version: str, api: str) -> None:
    """Raise EngineUnusable for an engine whose BuildKit does not support ``COPY --link``.

    A development build has no number as *version*; then the *api* version decides.
    """
    number = _parse_version(version)
    if (number < OLDEST) if number else (_parse_version(api) < OLDEST_API):
        problem = f"The Docker engine is version {version}, but COPY --link requires 23.0 or newer."
        raise EngineUnusable(problem, _UPGRADE)


def _parse_version(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()


def _current_context() -> Context | None:
    from docker.context import ContextAPI

    return ContextAPI.get_context(os.environ.get("DOCKER_CONTEXT"))


def _connection_error(error: Exception) -> EngineNotFound | EngineUnusable | EngineFailed:
    from docker.errors import APIError

    context = _current_context()
    host = os.environ.get("DOCKER_HOST") or (context and context.Host) or "the default socket"
    cause = error.__cause__ or error
    if isinstance(cause, APIError):
        problem = f"The Docker engine at {host} responded with an error: {cause.explanation}."
        return EngineFailed(problem)
    if getattr(_root_cause(error), "errno", None) in (errno.EACCES, errno.EPERM):
        advice = "Add your user to the docker group (sudo usermod -aG docker $USER), log in again."
        return EngineUnusable(f"Access to the Docker engine at {host} was denied.", advice)
    if host.startswith("ssh://") and "paramiko" in str(error):
        problem = f"Connecting to {host} requires paramiko, which is not installed."
        return EngineNotFound(problem, "Install it beside buildstatic: pip install 'docker[ssh]'.")
    advice = "Start Docker, or select another engine with DOCKER_HOST or `docker context use`."
    return EngineNotFound(f"No Docker engine responds at {host}.", advice)


def _root_cause(error: BaseException) -> BaseException:
    """Return the operating system's error that *error* wraps, else the innermost exception."""
    seen = {id(error)}
    while not (isinstance(error, OSError) and error.errno):
        wrapped = [
            inner
            for inner in (error.__cause__, error.__context__, *error.args)
            if isinstance(inner, BaseException) and id(inner) not in seen
        ]
        if not wrapped:
            break
        error = wrapped[0]
        seen.add(id(error))
    return error
