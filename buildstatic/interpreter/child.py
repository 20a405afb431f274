"""The child process: calls a function of `buildstatic.collect` in the project's Python."""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import asdict
from typing import Any

from buildstatic.collect import Callbacks, Request, collect, examine, plan
from buildstatic.collect.workers.process import end_with_parent
from buildstatic.errors import BuildstaticError

INTERRUPTED = 130


def main(channel: int, parent: int, function: str, text: str) -> None:
    """Call *function* of `buildstatic.collect`; report on the file descriptor *channel*.

    *function* is ``collect``, ``plan`` or ``examine``; *text* is the request as JSON. The process
    ends with the process *parent*, which started it.

    Each event is a line of JSON: ``{"warning"}`` and ``{"progress"}``, and finally ``{"result"}``,
    ``{"error", "args", "traceback"}`` for a `BuildstaticError`, or ``{"internal_error",
    "traceback"}``.
    """
    os.set_inheritable(channel, False)
    end_with_parent(parent)
    with os.fdopen(channel, "w", encoding="utf-8") as stream:

        def send(event: dict[str, Any]) -> None:
            stream.write(json.dumps(event) + "\n")
            stream.flush()

        callbacks = Callbacks(
            lambda warning: send({"warning": warning}),
            lambda *progress: send({"progress": progress}),
        )
        try:
            send(_call(function, text, callbacks))
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)


def _call(function: str, text: str, callbacks: Callbacks) -> dict[str, Any]:
    try:
        request = Request.from_json(text)
        match function:
            case "plan":
                return {"result": plan(request)}
            case "examine":
                return {"result": examine(request)}
            case _:
                return {"result": asdict(collect(request, callbacks))}
    except BuildstaticError as error:
        trace = traceback.format_exc()
        return {"error": type(error).__name__, "args": error.args, "traceback": trace}
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        return {"internal_error": text, "traceback": traceback.format_exc()}
