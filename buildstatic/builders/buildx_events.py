"""The events in what ``docker buildx build --progress=rawjson`` prints."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from buildstatic.builders.events import UNREADABLE, Event, StepOutput, Vertex


def split_json(lines: Iterable[str]) -> Iterator[dict[str, Any] | str]:
    """Yield the JSON messages in *lines*, on one line or indented, and other lines as text.

    buildx writes both to one stream: messages during the build, and text if it fails.
    """
    pending = ""
    for line in lines:
        if not pending and not line.startswith("{"):
            yield line.rstrip("\n")
            continue
        pending += line
        if line.rstrip().endswith("}") and line.startswith(("{", "}")):
            try:
                yield json.loads(pending)
            except ValueError:
                yield pending.rstrip("\n")
            pending = ""


def from_json(status: dict[str, Any]) -> Iterator[Event]:
    """Yield the events of one ``SolveStatus``, a message, up to the first that cannot be read."""
    with suppress(*UNREADABLE):
        for vertex in status.get("vertexes") or ():
            started, completed = vertex.get("started"), vertex.get("completed")
            yield Vertex(
                vertex["digest"],
                vertex.get("name", ""),
                datetime.fromisoformat(started) if started else None,
                datetime.fromisoformat(completed) if completed else None,
                vertex.get("cached", False),
                vertex.get("error", ""),
            )
        for log in status.get("logs") or ():
            data = base64.b64decode(log.get("data") or "")
            yield StepOutput(log["vertex"], data.decode(errors="replace"))
