"""BuildKit's progress in its two encodings: JSON from buildx, protobuf from the engine's API."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeAlias

from buildstatic.builders.events import Event, Output, Vertex

Fields: TypeAlias = dict[int, list[bytes | int]]

# buildkit/api/services/control/control.proto
_STATUS_VERTEXES, _STATUS_LOGS = 1, 3
_VERTEX_DIGEST, _VERTEX_NAME, _VERTEX_CACHED = 1, 3, 4
_VERTEX_STARTED, _VERTEX_COMPLETED, _VERTEX_ERROR = 5, 6, 7
_LOG_VERTEX, _LOG_MESSAGE = 1, 4


def from_json(status: dict[str, Any]) -> Iterator[Event]:
    """Yield the events of one ``SolveStatus``, a message of ``--progress=rawjson``."""
    for vertex in status.get("vertexes") or ():
        yield Vertex(
            vertex["digest"],
            vertex.get("name", ""),
            _iso(vertex.get("started")),
            _iso(vertex.get("completed")),
            vertex.get("cached", False),
            vertex.get("error", ""),
        )
    for log in status.get("logs") or ():
        yield Output(log["vertex"], _text(base64.b64decode(log.get("data") or "")))


def from_protobuf(message: bytes) -> Iterator[Event]:
    """Yield the events of one ``StatusResponse``, the content of a ``moby.buildkit.trace``."""
    status = decode(message)
    for raw in status.get(_STATUS_VERTEXES, ()):
        vertex = decode(raw)
        yield Vertex(
            _string(vertex, _VERTEX_DIGEST),
            _string(vertex, _VERTEX_NAME),
            _timestamp(vertex, _VERTEX_STARTED),
            _timestamp(vertex, _VERTEX_COMPLETED),
            bool(vertex.get(_VERTEX_CACHED, [0])[-1]),
            _string(vertex, _VERTEX_ERROR),
        )
    for raw in status.get(_STATUS_LOGS, ()):
        log = decode(raw)
        yield Output(_string(log, _LOG_VERTEX), _string(log, _LOG_MESSAGE))


def split_json(lines: Iterable[str]) -> Iterator[dict[str, Any] | str]:
    """Yield the JSON messages in *lines*, whether on one line or indented, and other lines as text.

    buildx writes both to one stream: messages while it builds, and words when it fails.
    """
    pending = ""
    for line in lines:
        if not pending and not line.startswith("{"):
            yield line.rstrip("\n")
            continue
        pending += line
        if line.rstrip().endswith("}") and (line.startswith(("{", "}"))):
            yield _message(pending)
            pending = ""


def _message(text: str) -> dict[str, Any] | str:
    try:
        message: dict[str, Any] = json.loads(text)
    except ValueError:
        return text.rstrip("\n")
    return message


def decode(message: bytes | int) -> Fields:
    """Decode one protobuf message into its fields' raw values (protobuf.dev, "Encoding")."""
    if isinstance(message, int):
        raise ValueError("A protobuf message was expected, not a number.")
    fields: Fields = {}
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        value, position = _value(message, position, tag & 7)
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _value(message: bytes, position: int, wire_type: int) -> tuple[bytes | int, int]:
    match wire_type:
        case 0:
            return _varint(message, position)
        case 1 | 5:
            end = position + (8 if wire_type == 1 else 4)
        case 2:
            length, position = _varint(message, position)
            end = position + length
        case _:
            raise ValueError(f"The protobuf wire type {wire_type} is unknown.")
    return message[position:end], end


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position


def _string(fields: Fields, number: int) -> str:
    value = fields.get(number, [b""])[-1]
    return _text(value) if isinstance(value, bytes) else ""


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def _timestamp(fields: Fields, number: int) -> datetime | None:
    """Read a ``google.protobuf.Timestamp``: seconds, and nanoseconds."""
    if number not in fields:
        return None
    timestamp = decode(fields[number][-1])
    seconds, nanos = (timestamp.get(key, [0])[-1] for key in (1, 2))
    return datetime.fromtimestamp(int(seconds) + int(nanos) / 1e9, UTC)


def _iso(text: str | None) -> datetime | None:
    """Read RFC 3339; Python keeps six digits of the fraction's nine."""
    return datetime.fromisoformat(text) if text else None
