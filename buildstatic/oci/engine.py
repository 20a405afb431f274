"""The Docker engine: found, asked for its version, and every way in which it may not answer."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from buildstatic.errors import EngineFailed, EngineNotFound, EngineUnusable

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.context import Context

# Engine 23.0, the first whose own BuildKit knows `COPY --link` without a `# syntax=` line.
OLDEST = (23, 0)
OLDEST_API = (1, 42)
_UPGRADE = "Upgrade it, or build with a newer one: --builder NAME."
TIMEOUT = 600  # seconds; saving a large image is slow to begin


def connect() -> DockerClient:
    """Return a client of the engine that the ``docker`` command would use.

    That is DOCKER_HOST, else the current docker context, else the default socket. Raises
    EngineNotFound, EngineUnusable or EngineUnusable.
    """
    from docker.errors import DockerException, InvalidVersion

    try:
        client = _client()
        version = _version(client)
    except InvalidVersion as error:
        raise EngineUnusable(f"The Docker engine is too old: {error}", _UPGRADE) from error
    except (DockerException, OSError) as error:
        raise _unreachable(error) from error
    check_version(version["Version"], version["ApiVersion"])
    return client


def _version(client: DockerClient) -> dict[str, Any]:
    try:
        return dict(client.version())
    except BaseException:
        client.close()
        raise


@contextmanager
def failures() -> Iterator[None]:
    """Turn what the SDK raises while the engine is at work into EngineFailed."""
    from docker.errors import APIError
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except APIError as error:
        raise EngineFailed(f"The Docker engine refuses: {error.explanation}.") from error
    except (RequestException, HTTPError) as error:
        raise EngineFailed(f"The Docker engine has stopped answering: {error}.") from error


def uses_containerd(client: DockerClient) -> bool:
    """Return whether the engine uses the containerd image store (docs.docker.com/engine/storage).

    It keeps all platforms of an image, and layers compressed, each with the digest of its blob.
    """
    status = client.info().get("DriverStatus") or ()
    return any(str(value).startswith("io.containerd.snapshotter") for _, value in status)


def check_version(version: str, api: str) -> None:
    """Raise EngineUnusable for an engine whose BuildKit does not know ``COPY --link``.

    *version* decides where it is a number; a build from a branch names none, and *api* does.
    """
    found, oldest = (
        (_numbers(version), OLDEST) if _numbers(version) else (_numbers(api), OLDEST_API)
    )
    if found < oldest:
        problem = f"The Docker engine is {version}, and COPY --link needs 23.0 or newer."
        raise EngineUnusable(problem, _UPGRADE)


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()


def _client() -> DockerClient:
    import docker

    context = _context()
    if "DOCKER_HOST" in os.environ or context is None:
        return docker.from_env(timeout=TIMEOUT)
    tls = context.TLSConfig or False
    return docker.DockerClient(base_url=context.Host, tls=tls, timeout=TIMEOUT)


def _context() -> Context | None:
    from docker.context import ContextAPI

    return ContextAPI.get_context(os.environ.get("DOCKER_CONTEXT"))


def _host() -> str:
    context = _context()
    return os.environ.get("DOCKER_HOST") or (context and context.Host) or "the default socket"


def _unreachable(error: Exception) -> EngineNotFound | EngineUnusable | EngineFailed:
    from docker.errors import APIError

    where = _host()
    answer = error.__cause__ or error
    if isinstance(answer, APIError):
        problem = f"The Docker engine at {where} answers with an error: {answer.explanation}."
        return EngineFailed(problem)
    cause = _cause(error)
    if isinstance(cause, PermissionError) or getattr(cause, "errno", None) == errno.EACCES:
        advice = (
            "Add yourself to the docker group (sudo usermod -aG docker $USER, then log in again)."
        )
        return EngineUnusable(f"The Docker engine at {where} does not let you in.", advice)
    if where.startswith("ssh://") and "paramiko" in str(error):
        problem = f"The Docker engine at {where} is reached by SSH, and paramiko is not here."
        return EngineNotFound(problem, "Install it beside buildstatic: pip install 'docker[ssh]'.")
    advice = "Start Docker, or name another engine with DOCKER_HOST or `docker context use`."
    return EngineNotFound(f"No Docker engine answers at {where}.", advice)


def _cause(error: BaseException) -> BaseException:
    """Return the operating system's error at the bottom of *error*."""
    seen = {id(error)}
    while True:
        below = [error.__cause__, error.__context__, *error.args]
        nested = [e for e in below if isinstance(e, BaseException) and id(e) not in seen]
        if isinstance(error, OSError) and error.errno:
            return error
        if not nested:
            return error
        error = nested[0]
        seen.add(id(error))
