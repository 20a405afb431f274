"""Builds with the engine's API and the docker SDK, for a machine without a ``docker`` command.

The SDK's ``build()`` is the classic builder, without ``--mount`` and ``--link``; version 2 of the
same endpoint is BuildKit (docs.docker.com/reference/api/engine, "Build an image"). It has no
session, and so no secrets, registry logins, local exports and cache exports.
"""

from __future__ import annotations

import base64
import io
import json
import re
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, cast

from buildstatic.builders.base import BuildRequest, BuildResult, build_result
from buildstatic.builders.events import UNREADABLE, Built, Event, StepOutput, Vertex
from buildstatic.builders.follow import follow
from buildstatic.builders.progress import OnStep
from buildstatic.dockerfile.build_context import BuildContext, read_context, write_tar
from buildstatic.errors import BuildstaticError, EngineFailed, UnsupportedByBuilder
from buildstatic.oci.engine import connect, failures, layers_of
from buildstatic.oci.engine_lookup import find_in_engine, image_id_in_engine

if TYPE_CHECKING:
    from docker import DockerClient

_LOGIN_FAILED = ("authorization failed", "401 Unauthorized", "pull access denied")
# The engine's name for a context that was sent to it (github.com/moby/moby/issues/47717).
_CONTEXT_URL = "http://build-context-"
_NO_SESSION = "no active sessions"
_BASE_IMAGE = "failed to resolve source metadata"
_USE_BUILDX = "Install the docker command with its buildx plugin, which supports this."


@dataclass(frozen=True)
class EngineApiBuilder:
    """The builder of the engine of *client*."""

    client: DockerClient
    name: ClassVar[str] = "engine API"

    @classmethod
    def connect(cls, request: BuildRequest) -> EngineApiBuilder:
        """Return the builder of the engine that the ``docker`` command would use.

        Raises UnsupportedByBuilder if the API does not support *request*, and what
        `oci.engine.connect` raises.
        """
        options = request.options
        unsupported = {
            "secrets (--secret)": bool(options.secrets),
            "--export": options.export is not None,
            "--cache-to": bool(options.cache_to),
            "--builder": options.builder is not None,
            "--sbom": options.sbom,
            "--provenance": options.provenance,
            "several platforms": len(options.platforms) > 1,
        }
        if used := ", ".join(name for name, is_used in unsupported.items() if is_used):
            raise UnsupportedByBuilder(f"The engine's API does not support {used}.", _USE_BUILDX)
        return cls(connect())

    def build(self, request: BuildRequest, on_step: OnStep, /) -> BuildResult:
        """Run *request* as `Builder.build` describes."""
        started = time.monotonic()
        with failures():
            tags = request.options.tags
            previous = layers_of(self.client, tags[0]) if tags else ()
            progress = follow(run(self.client, request), request, on_step)
            config = progress.built.config if progress.built else None
            if config is None:
                raise EngineFailed("The Docker engine did not report the ID of the image.")
            image_id = image_id_in_engine(self.client, config) or config
            static = None
            if expected := request.expected:
                static = find_in_engine(
                    self.client,
                    image_id,
                    expected.static_root,
                    required=expected.required,
                    dockerfile=None if expected.is_in_context else request.dockerfile,
                )
        return build_result(
            request, progress, started, image_id=image_id, static=static, previous=previous
        )


def run(client: DockerClient, request: BuildRequest) -> Generator[Event, None, None]:
    """Run *request* on the engine of *client* and yield its events, last a `Built`."""
    options = request.options
    with _contexts(client, request) as dockerfile, tempfile.TemporaryFile() as context:
        write_tar(read_context(request.context, request.dockerignore), dockerfile, context)
        context.seek(0)
        arguments = dict(argument.partition("=")[::2] for argument in options.build_args)
        parameters = {
            "t": options.tags[0] if options.tags else "",
            "target": options.target or "",
            "buildargs": json.dumps(arguments),
            "cachefrom": json.dumps(options.cache_from),
            "platform": "".join(options.platforms),
            "nocache": "1" if options.no_cache else "",
            "pull": "1" if options.pull else "",
        }
        image_id = yield from _post(client, parameters, context)
    for tag in options.tags[1:]:
        client.images.get(options.tags[0]).tag(tag)
    for tag in options.tags if options.push else ():
        for message in client.images.push(tag, stream=True, decode=True):
            if "error" in message:
                raise EngineFailed(f"Cannot push {tag}: {message['error']}.")
    yield Built(image_id)


@contextmanager
def _contexts(client: DockerClient, request: BuildRequest) -> Iterator[str]:
    """Yield the Dockerfile with images in place of the stages that directories replace.

    The API has no named contexts, and wheels in the context would be copied into the image by
    ``COPY . .``. So each directory becomes an image, which is removed after the build.
    """
    from docker.errors import ImageNotFound

    text, tags = request.dockerfile, []
    try:
        for name, directory in request.contexts.items():
            tag = f"{name}:{directory.name.lower().strip('._-')}"
            tags.append(tag)
            with tempfile.TemporaryFile() as context:
                files = (path for path in directory.rglob("*") if path.is_file())
                paths = sorted(path.relative_to(directory.parent).as_posix() for path in files)
                dockerfile = f"FROM scratch\nCOPY {directory.name}/ /\n"
                write_tar(BuildContext(directory.parent, tuple(paths)), dockerfile, context)
                context.seek(0)
                for _ in _post(client, {"t": tag}, context):
                    pass
            stage = rf"^FROM\s+scratch\s+AS\s+{name}\s*$"
            text = re.sub(stage, f"FROM {tag} AS {name}", text, flags=re.M | re.I)
        yield text
    finally:
        for tag in tags:
            with suppress(ImageNotFound):
                client.images.remove(tag, noprune=True)


def _post(
    client: DockerClient, parameters: dict[str, str], context: BinaryIO
) -> Generator[Event, None, str | None]:
    """Send *context*, yield the events, and return the ID of the image."""
    api = cast(Any, client.api)
    response = api._post(
        api._url("/build"),
        params={"version": "2", **{name: value for name, value in parameters.items() if value}},
        data=context,
        headers={"Content-Type": "application/x-tar"},
        stream=True,
    )
    with response:
        api._raise_for_status(response)
        image_id: str | None = None
        for message in api._stream_helper(response, decode=True):
            if message.get("id") == "moby.buildkit.trace":
                yield from from_protobuf(base64.b64decode(message["aux"]))
            elif message.get("id") == "moby.image.id":
                image_id = message["aux"]["ID"]
            elif "error" in message:
                raise _failure(message["error"])
    return image_id


def _failure(text: str) -> BuildstaticError:
    reason = text.strip().rstrip(".")
    no_session = _NO_SESSION in reason
    if any(words in reason for words in _LOGIN_FAILED) or (no_session and _BASE_IMAGE in reason):
        problem = f"The engine's API cannot log in to the registry of a base image: {reason}."
    elif _CONTEXT_URL in reason:
        problem = (
            "The API of this engine does not accept a build context: it uses the containerd image "
            "store and is older than Docker 28."
        )
    elif no_session:
        problem = (
            "A step mounts a secret or an SSH agent, which the engine's API does not support: "
            f"{reason}."
        )
    else:
        return EngineFailed(f"The build failed: {reason}.")
    return UnsupportedByBuilder(problem, _USE_BUILDX)


def from_protobuf(message: bytes) -> Iterator[Event]:
    """Yield the events of one ``StatusResponse``, the content of a ``moby.buildkit.trace``.

    They end at the first that cannot be read. Field numbers are those of BuildKit's
    api/services/control/control.proto. There, all fields are numbers or have a length.
    """
    with suppress(*UNREADABLE):
        for number, content in _fields(message):
            values = dict(_fields(content)) if number in (1, 3) else {}
            if number == 1:
                yield Vertex(
                    values[1].decode(),
                    values.get(3, b"").decode(errors="replace"),
                    _timestamp(values.get(5)),
                    _timestamp(values.get(6)),
                    bool(values.get(4)),
                    values.get(7, b"").decode(errors="replace"),
                )
            elif number == 3:
                yield StepOutput(values[1].decode(), values.get(4, b"").decode(errors="replace"))


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yield number and value of the fields of a protobuf message (protobuf.dev, "Encoding")."""
    stream = io.BytesIO(message)
    while stream.tell() < len(message):
        tag, value = _varint(stream), _varint(stream)
        yield tag >> 3, stream.read(value) if tag & 7 == 2 else value


def _varint(stream: io.BytesIO) -> int:
    value = shift = 0
    while (byte := stream.read(1)[0]) >= 0x80:
        value |= (byte & 0x7F) << shift
        shift += 7
    return value | byte << shift


def _timestamp(message: bytes | None) -> datetime | None:
    if message is None:
        return None
    values = dict(_fields(message))
    return datetime.fromtimestamp(values.get(1, 0) + values.get(2, 0) / 1e9, UTC)
