"""Builds through the engine's API, with the docker SDK, where there is no ``docker`` command.

The SDK's own ``build()`` is the classic builder, which knows neither ``--mount`` nor ``--link``;
version 2 of the same end point is BuildKit (docs.docker.com/reference/api/engine, "Build an
image"). There is no session, so secrets, registry logins, local exports and cache exports, which
travel in one, cannot be had.
"""

from __future__ import annotations

import base64
import json
import re
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from buildstatic.builders.context import Context, read_context, write_tar
from buildstatic.builders.events import Built, Event
from buildstatic.builders.request import BuildRequest
from buildstatic.builders.trace import from_protobuf
from buildstatic.errors import BuildstaticError, EngineFailed, UnsupportedByBuilder

if TYPE_CHECKING:
    from docker import DockerClient

TRACE = "moby.buildkit.trace"
IMAGE_ID = "moby.image.id"
_NO_LOGIN = ("authorization failed", "401 Unauthorized", "pull access denied")
# The engine's name for a context that was sent to it (github.com/moby/moby/issues/47717).
_NO_CONTEXT = "http://build-context-"
_NO_SESSION = "no active sessions"
_BASE_IMAGE = "failed to resolve source metadata"
_BUILDX = "`docker buildx` can: install the docker command with its buildx plugin."


def check(request: BuildRequest) -> None:
    """Raise UnsupportedByBuilder for what the API has no way to do."""
    wanted = {
        "secrets (--secret)": bool(request.secrets),
        "--export": request.export is not None,
        "--cache-to": bool(request.cache_to),
        "--builder": request.builder is not None,
        "several platforms": len(request.platforms) > 1,
    }
    refused = ", ".join(name for name, is_wanted in wanted.items() if is_wanted)
    if refused:
        raise UnsupportedByBuilder(f"The engine's API cannot do: {refused}.", _BUILDX)


def build(client: DockerClient, request: BuildRequest) -> Generator[Event, None, None]:
    """Run *request* on the engine of *client* and yield what happens, last a `Built`."""
    check(request)
    with _contexts(client, request) as dockerfile, tempfile.TemporaryFile() as context:
        write_tar(read_context(request.context, request.dockerignore), dockerfile, context)
        context.seek(0)
        image_id = yield from _post(client, _parameters(request), context)
    for tag in request.tags[1:]:
        client.images.get(request.tags[0]).tag(tag)
    for tag in request.tags if request.push else ():
        _push(client, tag)
    yield Built(image_id)


@contextmanager
def _contexts(client: DockerClient, request: BuildRequest) -> Iterator[str]:
    """Yield the Dockerfile with each stage that a directory feeds made of an image that holds it.

    The API has no named contexts, and wheels inside of the context would be copied into the
    image with all the rest; so they are images of their own, gone after the build.
    """
    from docker.errors import ImageNotFound

    text, tags = request.dockerfile, []
    try:
        for name, directory in request.contexts.items():
            tags.append(f"{name}:{directory.name.lower().strip('._-')}")
            _build_context(client, directory, tags[-1])
            stage = rf"^FROM\s+scratch\s+AS\s+{name}\s*$"
            text = re.sub(stage, f"FROM {tags[-1]} AS {name}", text, flags=re.M | re.I)
        yield text
    finally:
        for tag in tags:
            with suppress(ImageNotFound):
                client.images.remove(tag, noprune=True)


def _build_context(client: DockerClient, directory: Path, tag: str) -> None:
    with tempfile.TemporaryFile() as context:
        files = (path for path in directory.rglob("*") if path.is_file())
        names = tuple(sorted(path.relative_to(directory.parent).as_posix() for path in files))
        dockerfile = f"FROM scratch\nCOPY {directory.name}/ /\n"
        write_tar(Context(directory.parent, names), dockerfile, context)
        context.seek(0)
        for _ in _post(client, {"version": "2", "t": tag}, context):
            pass


def _parameters(request: BuildRequest) -> dict[str, str]:
    arguments = dict(argument.partition("=")[::2] for argument in request.build_args)
    parameters = {
        "version": "2",
        "t": request.tags[0] if request.tags else "",
        "target": request.target or "",
        "buildargs": json.dumps(arguments),
        "cachefrom": json.dumps(request.cache_from),
        "platform": "".join(request.platforms),
        "nocache": "1" if request.no_cache else "",
        "pull": "1" if request.pull else "",
    }
    return {name: value for name, value in parameters.items() if value}


def _post(
    client: DockerClient, parameters: dict[str, str], context: BinaryIO
) -> Generator[Event, None, str | None]:
    api = cast(Any, client.api)
    response = api._post(
        api._url("/build"),
        params=parameters,
        data=context,
        headers={"Content-Type": "application/x-tar"},
        stream=True,
    )
    with response:
        api._raise_for_status(response)
        image_id: str | None = None
        for message in api._stream_helper(response, decode=True):
            if message.get("id") == TRACE:
                yield from from_protobuf(base64.b64decode(message["aux"]))
            elif message.get("id") == IMAGE_ID:
                image_id = message["aux"]["ID"]
            elif "error" in message:
                raise _failure(message["error"])
    return image_id


def _failure(said: str) -> BuildstaticError:
    reason = said.strip().rstrip(".")
    no_session = _NO_SESSION in reason
    if any(words in reason for words in _NO_LOGIN) or (no_session and _BASE_IMAGE in reason):
        problem = f"The engine's API cannot log in to a registry for a base image: {reason}."
        return UnsupportedByBuilder(problem, _BUILDX)
    if _NO_CONTEXT in reason:
        problem = "The API of this engine takes no build context: it has the containerd image store"
        return UnsupportedByBuilder(f"{problem}, and is older than Docker 28.", _BUILDX)
    if no_session:
        problem = "A step mounts a secret or an SSH agent, and the engine's API has neither"
        return UnsupportedByBuilder(f"{problem}: {reason}.", _BUILDX)
    return EngineFailed(f"The build failed: {reason}.")


def _push(client: DockerClient, tag: str) -> None:
    for message in client.images.push(tag, stream=True, decode=True):
        if "error" in message:
            raise EngineFailed(f"{tag} could not be pushed: {message['error']}.")
